using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace FunctionsApp.Http;

/// <summary>
/// The only writer of NDJSON and server-sent events. Each line is flushed before the next is requested, so a slow reader
/// slows the work down (back-pressure) instead of filling the memory. Results of a map that are ready together share a flush.
/// </summary>
/// <param name="request">The request.</param>
/// <param name="events">The content of the response.</param>
/// <param name="toLine">Converts an event: <see cref="StreamLine.OfMap"/>, or one of its siblings.</param>
/// <param name="isEventStream">Whether the lines are sent as server-sent events.</param>
/// <param name="limit">The time limit of the work.</param>
/// <param name="services">Describes errors, and has the clock.</param>
internal sealed class StreamResult<T>(
    FunctionRequest request, IAsyncEnumerable<T> events, Func<T, StreamLine> toLine, bool isEventStream, TimeSpan limit,
    RequestServices services) : IResult
{
    /// <summary>How long an event stream may be silent.</summary>
    private static readonly TimeSpan EventHeartbeat = TimeSpan.FromSeconds(15);

    /// <summary>How many bytes of results wait for a flush while more are ready: a flush for each slows a map of cheap calls.</summary>
    private const int MaxUnflushedBytes = 32 * 1024;

    private readonly ExecutionContext _context = ExecutionContext.Capture()!;
    private bool _hasBegun;
    private long _id;
    private int _unflushed;

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        // The events are produced here, outside the function, but belong to its span, memory account and call chain.
        ExecutionContext.Restore(_context);
        using var patience = new CancellationTokenSource(limit + FunctionInvoker.Grace, services.Time);
        await using var aborted = httpContext.RequestAborted.UnsafeRegister(
            static patience => ((CancellationTokenSource)patience!).Cancel(), patience);
        await using var cancelled = request.Cancelled.UnsafeRegister(
            static patience => ((CancellationTokenSource)patience!).CancelAfter(FunctionInvoker.Grace), patience);
        await using var enumerator = events.GetAsyncEnumerator(request.Cancelled);
        try
        {
            await WriteAllAsync(httpContext, enumerator, patience.Token);
        }
        catch (Exception) when (patience.IsCancellationRequested)
        {
            // The client is gone or stalled.
            httpContext.Abort();
        }
    }

    private async Task WriteAllAsync(HttpContext httpContext, IAsyncEnumerator<T> enumerator, CancellationToken patience)
    {
        var response = httpContext.Response;
        try
        {
            while (await WaitAsync(response, enumerator.MoveNextAsync(), patience))
            {
                Begin(response);
                if (request.IsHead)
                {
                    return;
                }

                await WriteAsync(response, toLine(enumerator.Current), patience);
            }

            if (!_hasBegun)
            {
                response.StatusCode = StatusCodes.Status204NoContent;
            }
            else if (_unflushed > 0)
            {
                await response.BodyWriter.FlushAsync(patience);
            }
        }
        catch (Exception exception) when (!patience.IsCancellationRequested)
        {
            if (services.Problems.Describe(exception, httpContext, request.Cancelled) is not { } problem)
            {
                return;
            }

            if (_hasBegun)
            {
                // The status has already been sent, so the problem is the last line.
                await WriteAsync(response, StreamLine.Named("error", problem), patience);
            }
            else
            {
                await JsonResult.Problem(problem).ExecuteAsync(httpContext);
            }
        }
    }

    private void Begin(HttpResponse response)
    {
        if (_hasBegun)
        {
            return;
        }

        _hasBegun = true;
        response.ContentType = isEventStream ? "text/event-stream" : MediaTypes.Lines;
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        var features = response.HttpContext.Features;
        features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        if (features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            // A reader may pause: that delays only its own work, within the time limit, and holds almost no memory.
            rate.MinDataRate = null;
        }
    }

    /// <summary>
    /// Waits for the next line. During long silence, sends a comment or an empty line, so that proxies keep the connection open.
    /// </summary>
    private async ValueTask<bool> WaitAsync(HttpResponse response, ValueTask<bool> next, CancellationToken patience)
    {
        var heartbeat = request.IsHead ? null : request.Heartbeat ?? (isEventStream ? EventHeartbeat : null);
        if (next.IsCompleted || (_unflushed == 0 && heartbeat is null))
        {
            return await next;
        }

        var moving = next.AsTask();
        if (_unflushed > 0)
        {
            await FlushAsync(response, moving, patience);
        }

        while (true)
        {
            try
            {
                return await moving.WaitAsync(heartbeat ?? Timeout.InfiniteTimeSpan, services.Time, CancellationToken.None);
            }
            catch (TimeoutException) when (!moving.IsCompleted)
            {
                Begin(response);
                response.BodyWriter.Write(isEventStream ? ": still here\n\n"u8 : "\n"u8);
            }

            await FlushAsync(response, moving, patience);
        }
    }

    /// <summary>Flushes while the next line is waited for.</summary>
    private async ValueTask FlushAsync(HttpResponse response, Task moving, CancellationToken patience)
    {
        try
        {
            _unflushed = 0;
            await response.BodyWriter.FlushAsync(patience);
        }
        catch (OperationCanceledException)
        {
            // The enumerator must not be disposed during a move. The disconnection has cancelled that move as well.
            await moving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    private async ValueTask WriteAsync(HttpResponse response, StreamLine line, CancellationToken patience)
    {
        var writer = response.BodyWriter;
        if (line.Lines.IsEmpty)
        {
            await WriteLineAsync(writer, line, patience);
        }
        else if (isEventStream)
        {
            var values = line.Lines;
            while (values.Span.IndexOf((byte)'\n') is >= 0 and var end)
            {
                await WriteLineAsync(writer, line with { Data = RawJson.FromUtf8(values[..end]) }, patience);
                values = values[(end + 1)..];
            }
        }
        else
        {
            writer.Write(line.Lines.Span);
            _unflushed += line.Lines.Length;
            if (_unflushed < MaxUnflushedBytes)
            {
                return;
            }
        }

        _unflushed = 0;

        // Not the request's token: after a timeout or during shutdown, the problem must still reach the client.
        await writer.FlushAsync(patience);
    }

    private async ValueTask WriteLineAsync(PipeWriter writer, StreamLine line, CancellationToken patience)
    {
        var (before, after) = line switch
        {
            { IsValue: true } when isEventStream =>
                (string.Create(CultureInfo.InvariantCulture, $"id: {line.Id ?? _id++}\ndata: "), "\n\n"),
            _ when isEventStream => ($"event: {line.Name}\ndata: ", "\n\n"),
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
