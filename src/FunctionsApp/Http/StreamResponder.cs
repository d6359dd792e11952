using FunctionsApp.Core.Limits;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Http;

/// <summary>Responds with values as they arrive.</summary>
public sealed class StreamResponder(RequestProblems problems, IOptions<LimitsOptions> limits, TimeProvider time)
{
    /// <summary>How long an event stream may be silent.</summary>
    private static readonly TimeSpan EventHeartbeat = TimeSpan.FromSeconds(15);

    /// <summary>Starts the response with the first value, or with the first heartbeat: an earlier error has its own status.</summary>
    /// <param name="request">The request.</param>
    /// <param name="timeoutSeconds">The time limit of the work, if it has its own; after it a stalled reader is disconnected.</param>
    /// <param name="lines">The lines of the response; without lines it is 204.</param>
    /// <param name="format">The format of the response; by default what the client asks for.</param>
    public async Task<IResult> RespondAsync(
        FunctionRequest request, double? timeoutSeconds, IAsyncEnumerable<StreamLine> lines, ResponseFormat? format = null)
    {
        var form = format ?? request.Format;
        var heartbeat = request.Heartbeat ?? (form == ResponseFormat.EventStream ? EventHeartbeat : null);
        var enumerator = lines.GetAsyncEnumerator(request.Cancelled);
        try
        {
            var first = enumerator.MoveNextAsync().AsTask();
            if ((!request.IsHead && await IsLateAsync(first, heartbeat)) || await first)
            {
                var limit = TimeSpan.FromSeconds(timeoutSeconds ?? limits.Value.MaxTimeoutSeconds);
                return new StreamResult(request, enumerator, first, new StreamOptions(form, limit, heartbeat), problems, time);
            }

            await enumerator.DisposeAsync();
            return Results.NoContent();
        }
        catch
        {
            await enumerator.DisposeAsync();
            throw;
        }
    }

    /// <summary>Returns whether the first heartbeat is due before the first line.</summary>
    private async Task<bool> IsLateAsync(Task first, TimeSpan? heartbeat)
    {
        if (heartbeat is { } interval && !first.IsCompleted)
        {
            using var waiting = new CancellationTokenSource();
            await Task.WhenAny(first, Task.Delay(interval, time, waiting.Token));
            await waiting.CancelAsync();
            return !first.IsCompleted;
        }

        return false;
    }
}
