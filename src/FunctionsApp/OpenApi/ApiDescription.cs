using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace FunctionsApp.OpenApi;

/// <summary>The OpenAPI 3.1 document of the app. The first request for a variant builds it.</summary>
/// <param name="catalog">The operations.</param>
/// <param name="patterns">The patterns that can run as tasks.</param>
/// <param name="limits">The limits of requests.</param>
public sealed class ApiDescription(OperationCatalog catalog, TaskPatterns patterns, IOptions<LimitsOptions> limits)
{
    /// <summary>Every response of each endpoint, in each of its formats.</summary>
    public IResult All { get; } = new Document(() => new DocumentBuilder(catalog, patterns, limits.Value).Build(HttpFunction.All));

    /// <summary>One response for each endpoint: what a client gets that asks for no other one. Streams are binary.</summary>
    public IResult One { get; } =
        new Document(() => new DocumentBuilder(catalog, patterns, limits.Value, hasOneResponse: true).Build(HttpFunction.All));

    private sealed class Document(Func<JsonObject> build) : IResult
    {
        private readonly Lazy<byte[]> _document = new(() => JsonSerializer.SerializeToUtf8Bytes(build(), CoreJson.Options));

        /// <inheritdoc/>
        public Task ExecuteAsync(HttpContext httpContext)
        {
            var document = _document.Value.AsSpan();
            var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(document).AsSpan(0, 16))}\"");

            // A client may store it, but must revalidate it: another version of the app may run by now.
            httpContext.Response.Headers.CacheControl = "private, no-cache";

            // The URL of the server depends on how the app is reached.
            var path = httpContext.Request.PathBase.Add(httpContext.Request.Path).ToUriComponent();
            var server = path[..path.LastIndexOf('/')] is { Length: > 0 } prefix ? prefix : "/";
            var servers = Encoding.UTF8.GetBytes($$""","servers":[{"url":"{{JsonEncodedText.Encode(server)}}"}]}""");
            return Results.Bytes([.. document[..^1], .. servers], "application/json; charset=utf-8", entityTag: tag)
                .ExecuteAsync(httpContext);
        }
    }
}
