using System.Buffers;
using System.Globalization;
using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FunctionsApp.Http;

/// <summary>One line of a streamed answer.</summary>
/// <param name="Name">The property that a line of NDJSON wraps the data in; without one the data is the line.</param>
/// <param name="Data">The data.</param>
/// <param name="IsValue">Whether this is one of the values, which server-sent events number and send without a name.</param>
public readonly record struct StreamLine(string? Name, RawJson Data, bool IsValue);

/// <summary>
/// The one place that writes NDJSON and server-sent events. Each line is flushed before the next is asked for, so a slow
/// reader slows the work down instead of filling the memory.
/// </summary>
internal sealed class StreamAnswer(FunctionEndpoint endpoint, FunctionRequest request, IAsyncEnumerator<StreamLine> lines, bool any) : IResult
{
    private long _id;

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.ContentType = request.Format == AnswerFormat.EventStream ? "text/event-stream" : "application/x-ndjson";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        httpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();

        await using (lines)
        {
            try
            {
                for (var more = any; more; more = await lines.MoveNextAsync())
                {
                    await WriteAsync(response, lines.Current);
                }
            }
            catch (Exception exception)
            {
                // The status is sent already, so the problem is the last line.
                if (endpoint.Describe(exception, httpContext, request.Cancelled) is { } problem)
                {
                    await WriteAsync(response, new StreamLine("error", RawJson.From(problem, CoreJson.TypeInfo<Problem>()), IsValue: false));
                }
            }
        }
    }

    private async ValueTask WriteAsync(HttpResponse response, StreamLine line)
    {
        var writer = response.BodyWriter;
        if (request.Format == AnswerFormat.EventStream)
        {
            Encoding.UTF8.GetBytes(line.IsValue ? string.Create(CultureInfo.InvariantCulture, $"id: {_id++}\n") : $"event: {line.Name}\n", writer);
            WriteData(writer, "data: "u8, line.Data, "\n\n"u8);
        }
        else if (line.Name is null)
        {
            WriteData(writer, default, line.Data, "\n"u8);
        }
        else
        {
            Encoding.UTF8.GetBytes($"{{\"{line.Name}\":", writer);
            WriteData(writer, default, line.Data, "}\n"u8);
        }

        // Not with the request's token: on shutdown the problem still has to reach the client. A client that is gone ends it too.
        await writer.FlushAsync(response.HttpContext.RequestAborted);
    }

    private static void WriteData(IBufferWriter<byte> writer, ReadOnlySpan<byte> before, RawJson data, ReadOnlySpan<byte> after)
    {
        writer.Write(before);
        writer.Write(data.Utf8.Span);
        writer.Write(after);
    }
}
