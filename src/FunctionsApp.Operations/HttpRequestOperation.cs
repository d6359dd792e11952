using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Unicode;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>http.request</c>.</summary>
public sealed record HttpRequestInput(
    [property: Description("An absolute http or https URL without credentials."), Length(1, 8_192)] string Url,
    [property: Description("The HTTP method."), AllowedValues("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")]
    string Method = "GET",
    [property: Description("Request headers, without those of the connection, of proxies or of the platform.")]
    IReadOnlyDictionary<string, string>? Headers = null,
    [property: Description("The request body. A string is sent as text, any other value as JSON, in the charset of the Content-Type.")]
    RawJson? Body = null,
    [property: Description("The timeout of the whole request, including retries, in seconds."), Range(0.001, 3_600)]
    double TimeoutSeconds = 30,
    [property: Description("The maximum number of retries, for GET, HEAD, OPTIONS, PUT and DELETE."), Range(0, OutboundClient.MaxRetries)]
    int MaxRetries = 2,
    [property: Description("Whether a status of 400 and above is an error.")] bool RaiseForStatus = false,
    [property: Description("How to read the response body."), AllowedValues("auto", "json", "text", "base64")]
    string As = "auto") : ICrossChecked
{
    /// <inheritdoc/>
    public IEnumerable<(string Property, string Message)> Check() => HttpInput.Check(Url, Method, Headers, Body);
}

/// <summary>The response.</summary>
/// <param name="Status">The HTTP status code.</param>
/// <param name="Headers">Name in lower case → value; repeated headers are joined by <c>", "</c>.</param>
/// <param name="Body">JSON, text or base64, as requested.</param>
/// <param name="Bytes">The length of the decompressed body, in bytes.</param>
/// <param name="Attempts">The number of attempts.</param>
/// <param name="ElapsedMs">How long the request took, in milliseconds.</param>
public sealed record HttpRequestOutput(
    int Status, IReadOnlyDictionary<string, string> Headers, RawJson Body, int Bytes, int Attempts, double ElapsedMs);

/// <summary>Sends an HTTP request that the outbound guard allows.</summary>
[Operation("http.request", "Sends an HTTP request and returns the response.", Example = """{"url":"https://example.com/"}""")]
public sealed class HttpRequestOperation(OutboundClient client, WorkGate gate, TimeProvider time)
    : IOperation<HttpRequestInput, HttpRequestOutput>
{
    // The maximum depth of any request body, and of a body that can be forwarded.
    private const int MaxDepth = 512;

    /// <inheritdoc/>
    /// <exception cref="ProblemException"><c>destination-not-allowed</c>, <c>upstream-failed</c> or <c>timeout</c>.</exception>
    public async ValueTask<HttpRequestOutput> RunAsync(HttpRequestInput input, CancellationToken cancellationToken)
    {
        var clock = new RequestClock(time);
        var response = await client.SendAsync(
            HttpInput.Request(input.Url, input.Method, input.Headers, input.Body) with
            {
                TimeoutSeconds = input.TimeoutSeconds,
                MaxRetries = input.MaxRetries,
            },
            cancellationToken);
        try
        {
            if (input.RaiseForStatus)
            {
                response.EnsureSuccess();
            }

            await gate.EnterAsync(response.Body.Length);
            var body = Read(response, input.As);
            return new HttpRequestOutput(response.Status, response.Headers, body, response.Body.Length, response.Attempts, clock.ElapsedMs);
        }
        finally
        {
            RequestMemory.Current?.ReleaseResult(response.Body.Length);
        }
    }

    private static RawJson Read(OutboundResponse response, string form)
    {
        if (!response.Body.IsEmpty && response.UndecodedCodings is not null)
        {
            if (form is "json" or "text")
            {
                response.EnsureDecoded();
            }

            form = "base64";
        }

        if (form is "json" || (form is "auto" && ContentText.IsJson(response.ContentType)))
        {
            var error = TryReadJson(response, out var json);
            if (error is null)
            {
                return json;
            }

            if (form is "json")
            {
                throw new ProblemException(Problem.UpstreamFailed($"The response body of '{HostName.AsWritten(response.Url)}' {error}."));
            }
        }

        return form is "text" || (form is "auto" && ContentText.IsText(response.ContentType))
            ? RawJson.From(ContentText.Decode(response.Body.Span, response.ContentType), CoreJson.TypeInfo<string>())
            : form is "auto" && response.Body.IsEmpty ? RawJson.Null
            : RawJson.From(Convert.ToBase64String(response.Body.Span), CoreJson.TypeInfo<string>());
    }

    /// <summary>Reads JSON.</summary>
    /// <returns>The error, or null.</returns>
    private static string? TryReadJson(OutboundResponse response, out RawJson json)
    {
        var utf8 = response.Body;
        if (ContentText.Charset(response.ContentType, utf8.Span) is not UTF8Encoding
            || !Utf8.IsValid(utf8.Span)
            || utf8.Span.StartsWith("\uFEFF"u8))
        {
            utf8 = Encoding.UTF8.GetBytes(ContentText.Decode(utf8.Span, response.ContentType));
        }

        return RawJsonParser.TryParse(utf8, MaxDepth, out json, out var error) ? null : error;
    }
}
