using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>http.lines</c>.</summary>
public sealed record HttpLinesInput(
    [property: Description("An absolute http or https URL without credentials."), Length(1, 8_192)] string Url,
    [property: Description("The HTTP method."), AllowedValues("GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")] string Method = "GET",
    [property: Description("Request headers, without those of the connection, of proxies or of the platform.")]
    IReadOnlyDictionary<string, string>? Headers = null,
    [property: Description("The request body. A string is sent as text, any other value as JSON, in the charset of the Content-Type.")]
    RawJson? Body = null,
    [property: Description("The timeout until the response begins, in seconds."), Range(0.001, 3_600)] double TimeoutSeconds = 30,
    [property: Description("Whether a status of 400 and above is an error.")] bool RaiseForStatus = true) : ICrossChecked
{
    /// <inheritdoc/>
    public IEnumerable<(string Property, string Message)> Check() => HttpInput.Check(Url, Method, Headers, Body);
}

/// <summary>Holds one line at a time: the response may be endless.</summary>
[Operation("http.lines", "Yields each line of an HTTP response when it arrives.", Example = """{"url":"https://example.com/"}""")]
public sealed class HttpLinesOperation(OutboundClient client) : IStreamOperation<HttpLinesInput, string>
{
    /// <summary>The maximum length of a line, in characters (UTF-16), which bounds the memory of a response.</summary>
    public const int MaxLineCharacters = 1024 * 1024;

    private const int BlockBytes = 8 * 1024;

    /// <inheritdoc/>
    /// <exception cref="ProblemException"><c>destination-not-allowed</c>, <c>upstream-failed</c> or <c>timeout</c>.</exception>
    public async IAsyncEnumerable<string> StreamAsync(HttpLinesInput input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var response = await client.OpenAsync(
            HttpInput.Request(input.Url, input.Method, input.Headers, input.Body) with { TimeoutSeconds = input.TimeoutSeconds },
            cancellationToken);
        if (input.RaiseForStatus)
        {
            response.EnsureSuccess();
        }

        var line = new StringBuilder();
        await foreach (var part in ReadTextAsync(response, cancellationToken))
        {
            var text = part;
            for (int end; (end = text.Span.IndexOf('\n')) >= 0; text = text[(end + 1)..])
            {
                Append(text.Span[..end]);
                yield return Take();
            }

            Append(text.Span);
        }

        if (line.Length > 0)
        {
            yield return Take();
        }

        void Append(ReadOnlySpan<char> text)
        {
            if (text.Length > MaxLineCharacters - line.Length)
            {
                throw new ProblemException(Problem.UpstreamFailed(string.Create(CultureInfo.InvariantCulture,
                    $"The response of '{HostName.AsWritten(response.Url)}' "
                    + $"has a line of more than {MaxLineCharacters} characters, the limit of http.lines.")));
            }

            line.Append(text);
        }

        string Take()
        {
            var length = line.Length > 0 && line[^1] == '\r' ? line.Length - 1 : line.Length;
            var text = line.ToString(0, length);
            line.Clear();
            return text;
        }
    }

    /// <summary>
    /// Yields the text of a response as it arrives, without a byte order mark; each part is valid until the next one. A StreamReader may
    /// wait for more bytes while a whole line is in its buffer.
    /// </summary>
    private static async IAsyncEnumerable<ReadOnlyMemory<char>> ReadTextAsync(
        StreamedOutboundResponse response, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var bytes = new byte[BlockBytes];
        var read = await ReadStartAsync(response, bytes, cancellationToken);
        var charset = ContentText.Charset(response.ContentType, bytes.AsSpan(0, read));
        var decoder = charset.GetDecoder();
        var characters = new char[charset.GetMaxCharCount(BlockBytes)];
        for (var isFirst = true; ; read = await response.ReadAsync(bytes, cancellationToken))
        {
            var count = decoder.GetChars(bytes.AsSpan(0, read), characters, flush: read == 0);
            var start = isFirst && count > 0 && characters[0] == '\uFEFF' ? 1 : 0;
            isFirst &= count == 0;
            yield return characters.AsMemory(start, count - start);
            if (read == 0)
            {
                break;
            }
        }
    }

    /// <summary>Reads what has arrived, but at least the bytes that determine the charset.</summary>
    private static async ValueTask<int> ReadStartAsync(
        StreamedOutboundResponse response, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int length = 0, read = 1;
        while (read > 0 && ContentText.MayBeMark(buffer.Span[..length]))
        {
            length += read = await response.ReadAsync(buffer[length..], cancellationToken);
        }

        if (length > 0)
        {
            response.EnsureDecoded();
        }

        return length;
    }
}
