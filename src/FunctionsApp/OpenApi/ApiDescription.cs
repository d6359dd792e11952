using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Http;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;

namespace FunctionsApp.OpenApi;

/// <summary>The OpenAPI 3.1 document of the app. It is built on the first request, and cached as the bytes that are sent.</summary>
/// <param name="catalog">The operations.</param>
/// <param name="patterns">The patterns that can run as tasks.</param>
/// <param name="limits">The limits of requests.</param>
public sealed class ApiDescription(OperationCatalog catalog, TaskPatterns patterns, IOptions<LimitsOptions> limits)
{
    /// <summary>The placeholder in the cached bytes for the URL of the server, which depends on how the app is reached.</summary>
    private const string AnyServer = "https://server.invalid";

    private readonly Lazy<Parts> _parts = new(() => Make(catalog, patterns, limits.Value));

    /// <summary>Changes with the document: the value of an <c>ETag</c>.</summary>
    public string Tag => _parts.Value.Tag;

    /// <summary>Returns the document, in consecutive pieces.</summary>
    /// <param name="server">The base URL of all paths; may be relative.</param>
    public IReadOnlyList<ReadOnlyMemory<byte>> Pieces(string server)
    {
        var (before, after, _) = _parts.Value;
        return [before, Encoding.UTF8.GetBytes(JsonEncodedText.Encode(server).Value), after];
    }

    private static Parts Make(OperationCatalog catalog, TaskPatterns patterns, LimitsOptions limits)
    {
        using var text = new StringWriter();
        new DocumentBuilder(catalog, patterns, limits).Build(HttpFunction.All, AnyServer)
            .SerializeAsV31(new OpenApiJsonWriter(text, new OpenApiJsonWriterSettings { Terse = true }));

        var document = Encoding.UTF8.GetBytes(text.ToString());
        var server = document.AsSpan().IndexOf(Encoding.UTF8.GetBytes(AnyServer));
        var tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(document).AsSpan(0, 16))}\"";
        return new Parts(document.AsMemory(0, server), document.AsMemory(server + AnyServer.Length), tag);
    }

    private sealed record Parts(ReadOnlyMemory<byte> BeforeServer, ReadOnlyMemory<byte> AfterServer, string Tag);
}
