using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace FunctionsApp.Http;

/// <summary>One line of a streamed response.</summary>
/// <param name="Name">The property that a line of NDJSON wraps the data in; without a name the data is the line.</param>
/// <param name="Data">The data.</param>
/// <param name="IsValue">Whether this is a value; server-sent events number values and send them without a name.</param>
public readonly record struct StreamLine(string? Name, RawJson Data, bool IsValue)
{
    /// <summary>Several values as NDJSON, whole lines, in place of <see cref="Data"/>.</summary>
    public ReadOnlyMemory<byte> Values { get; init; }

    /// <summary>A task in place of <see cref="Data"/>; its outcome may be in storage.</summary>
    public TaskResponse? Task { get; init; }

    /// <summary>The number of the value in server-sent events; by default they count from 0.</summary>
    public long? Id { get; init; }
}

/// <summary>How to send lines.</summary>
/// <param name="Format">Their format.</param>
/// <param name="Limit">The time limit of the work.</param>
/// <param name="Heartbeat">How long the response may be silent; null for any time.</param>
internal sealed record StreamOptions(ResponseFormat? Format, TimeSpan Limit, TimeSpan? Heartbeat);

/// <summary>
/// The only writer of NDJSON and server-sent events. Each line is flushed before the next is requested, so a slow reader
/// slows the work down (back-pressure) instead of filling the memory.
/// </summary>
/// <param name="request">The request.</param>
/// <param name="lines">The lines.</param>
/// <param name="first">Whether there is a first line; may still be pending when a heartbeat is due.</param>
/// <param name="options">The format, and the limits of time.</param>
/// <param name="problems">Describes errors.</param>
/// <param name="time">The clock.</param>
internal sealed class StreamResult(
    FunctionRequest request, IAsyncEnumerator<StreamLine> lines, Task<bool> first, StreamOptions options, RequestProblems problems,
    TimeProvider time) : IResult
{
    private readonly bool _isEventStream = options.Format == ResponseFormat.EventStream;
    private readonly ExecutionContext _context = ExecutionContext.Capture()!;
    private long _id;

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        // The lines are produced here, outside the function, but belong to its span, memory account and call chain.
        ExecutionContext.Restore(_context);
        var response = httpContext.Response;
        response.ContentType = _isEventStream ? "text/event-stream" : MediaTypes.Lines;
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        httpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        if (httpContext.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            // A reader may pause: that delays only its own work, within the time limit, and holds almost no memory.
            rate.MinDataRate = null;
        }

        using var patience = new CancellationTokenSource(options.Limit + FunctionInvoker.Grace, time);
        await using var aborted = httpContext.RequestAborted.UnsafeRegister(
            static patience => ((CancellationTokenSource)patience!).Cancel(), patience);
        await using var cancelled = request.Cancelled.UnsafeRegister(
            static patience => ((CancellationTokenSource)patience!).CancelAfter(FunctionInvoker.Grace), patience);
        await using (lines)
        {
            if (request.IsHead)
            {
                return;
            }

            try
            {
                await WriteAllAsync(httpContext, patience.Token);
            }
            catch (OperationCanceledException) when (patience.IsCancellationRequested)
            {
                // The client is gone or stalled.
                httpContext.Abort();
            }
        }
    }

    private async Task WriteAllAsync(HttpContext httpContext, CancellationToken patience)
    {
        try
        {
            var isNext = await WaitAsync(httpContext.Response, new ValueTask<bool>(first), isLate: !first.IsCompleted, patience);
            while (isNext)
            {
                await WriteAsync(httpContext.Response, lines.Current, patience);
                isNext = await WaitAsync(httpContext.Response, lines.MoveNextAsync(), isLate: false, patience);
            }
        }
        catch (Exception exception) when (!patience.IsCancellationRequested)
        {
            // The status has already been sent, so the problem is the last line.
            if (problems.Describe(exception, httpContext, request.Cancelled) is { } problem)
            {
                var line = new StreamLine("error", RawJson.From(problem, CoreJson.TypeInfo<Problem>()), IsValue: false);
                await WriteAsync(httpContext.Response, line, patience);
            }
        }
    }

    /// <summary>
    /// Waits for the next line. During long silence, sends a comment or an empty line, so that proxies keep the connection open.
    /// </summary>
    private async ValueTask<bool> WaitAsync(HttpResponse response, ValueTask<bool> next, bool isLate, CancellationToken patience)
    {
        if (options.Heartbeat is not { } interval || next.IsCompleted)
        {
            return await next;
        }

        var moving = next.AsTask();
        for (var wait = isLate ? TimeSpan.Zero : interval; ; wait = interval)
        {
            try
            {
                return await moving.WaitAsync(wait, time, CancellationToken.None);
            }
            catch (TimeoutException) when (!moving.IsCompleted)
            {
                response.BodyWriter.Write(_isEventStream ? ": still here\n\n"u8 : "\n"u8);
            }

            try
            {
                await response.BodyWriter.FlushAsync(patience);
            }
            catch (OperationCanceledException)
            {
                // The enumerator must not be disposed during a move. The disconnection has cancelled that move as well.
                await ((Task)moving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw;
            }
        }
    }

    private async ValueTask WriteAsync(HttpResponse response, StreamLine line, CancellationToken patience)
    {
        var writer = response.BodyWriter;
        if (line.Values.IsEmpty)
        {
            await WriteLineAsync(writer, line, patience);
        }
        else if (_isEventStream)
        {
            var values = line.Values;
            while (values.Span.IndexOf((byte)'\n') is >= 0 and var end)
            {
                await WriteLineAsync(writer, line with { Data = RawJson.FromUtf8(values[..end]) }, patience);
                values = values[(end + 1)..];
            }
        }
        else
        {
            writer.Write(line.Values.Span);
        }

        // Not the request's token: after a timeout or during shutdown, the problem must still reach the client.
        await writer.FlushAsync(patience);
    }

    private async ValueTask WriteLineAsync(PipeWriter writer, StreamLine line, CancellationToken patience)
    {
        var (before, after) = line switch
        {
            { IsValue: true } when _isEventStream =>
                (string.Create(CultureInfo.InvariantCulture, $"id: {line.Id ?? _id++}\ndata: "), "\n\n"),
            _ when _isEventStream => ($"event: {line.Name}\ndata: ", "\n\n"),
            { Name: null } => ("", "\n"),
            _ => ($"{{\"{line.Name}\":", "}\n"),
        };
        Encoding.UTF8.GetBytes(before, writer);
        if (line.Task is { } task)
        {
            await JsonPipeWriter.SerializeAsync(writer, task, CoreJson.TypeInfo<TaskResponse>(), patience);
        }
        else
        {
            await JsonPipeWriter.WriteAsync(writer, line.Data.Utf8, patience);
        }

        Encoding.UTF8.GetBytes(after, writer);
    }
}
