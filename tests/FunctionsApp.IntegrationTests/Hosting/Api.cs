using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>Speaks to an app: JSON in, JSON out.</summary>
public sealed class Api : IDisposable
{
    public Api(Uri baseAddress, string? key)
    {
        // Whoever leaves a response closes the connection at once.
        Http = new HttpClient(new SocketsHttpHandler { ResponseDrainTimeout = TimeSpan.Zero })
        {
            BaseAddress = new Uri(baseAddress, "/api/"),
            Timeout = TimeSpan.FromMinutes(2),
        };
        if (key is not null)
        {
            Http.DefaultRequestHeaders.Add("x-functions-key", key);
        }
    }

    public HttpClient Http { get; }

    public async Task<ApiResponse> GetAsync(string path) => await ApiResponse.ReadAsync(await Http.GetAsync(new Uri(path, UriKind.Relative)));

    /// <summary>Posts JSON text.</summary>
    public async Task<ApiResponse> PostAsync(string path, string json, CancellationToken cancellationToken = default) =>
        await ApiResponse.ReadAsync(await SendAsync(path, json, cancellationToken: cancellationToken));

    /// <summary>Posts JSON text, and returns as soon as the answer begins.</summary>
    public async Task<HttpResponseMessage> SendAsync(
        string path, string json, string contentType = "application/json", string? accept = null, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8) };
        request.Content.Headers.ContentType = contentType.Length == 0 ? null : MediaTypeHeaderValue.Parse(contentType);
        if (accept is not null)
        {
            request.Headers.Accept.ParseAdd(accept);
        }

        return await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    /// <summary>Sends a request with headers of its own.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">The path below <c>/api/</c>, or one that begins with a slash.</param>
    /// <param name="json">The body; null for none.</param>
    /// <param name="headers">Headers, sent as they are.</param>
    public async Task<ApiResponse> SendAsync(HttpMethod method, string path, string? json, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        request.Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json");
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await ApiResponse.ReadAsync(await Http.SendAsync(request));
    }

    public void Dispose() => Http.Dispose();
}

/// <summary>An answer in JSON.</summary>
public sealed record ApiResponse(HttpStatusCode Status, string? MediaType, HttpResponseHeaders Headers, JsonElement Body)
{
    public JsonElement this[string property] => Body.GetProperty(property);

    /// <summary>The slug of a problem's type; fails the test when this is no problem.</summary>
    public string Problem
    {
        get
        {
            Assert.Equal("application/problem+json", MediaType);
            Assert.Equal((int)Status, this["status"].GetInt32());
            Assert.NotEmpty(this["title"].GetString()!);
            Assert.NotEmpty(this["detail"].GetString()!);
            Assert.Matches("^[0-9a-f]{32}$", this["traceId"].GetString());
            var type = this["type"].GetString()!;
            Assert.StartsWith("/problems/", type, StringComparison.Ordinal);
            return type["/problems/".Length..];
        }
    }

    /// <summary>The JSON pointers of a problem's errors.</summary>
    public IEnumerable<string> ValidationErrors => this["errors"].EnumerateObject().Select(static error => error.Name);

    /// <summary>For the messages of tests that fail.</summary>
    public override string ToString() => $"{(int)Status} {Body}";

    public static async Task<ApiResponse> ReadAsync(HttpResponseMessage response)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync();
            if (response is { StatusCode: HttpStatusCode.InternalServerError, Content.Headers.ContentType: null or { MediaType: "text/plain" } })
            {
                // No answer of the app: its worker has gone, or has failed. LocalHost would be gone itself then, and the connection break.
                throw new HttpRequestException($"500 by the Functions host. {text}");
            }

            return new ApiResponse(
                response.StatusCode, response.Content.Headers.ContentType?.MediaType, response.Headers,
                text.Length == 0 ? default : JsonElement.Parse(text));
        }
    }
}
