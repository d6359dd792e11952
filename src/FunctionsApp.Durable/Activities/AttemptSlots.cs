using System.Diagnostics.Metrics;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Telemetry;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Activities;

/// <summary>
/// Where attempts run, and for how long: at most <see cref="TasksOptions.MaxRunning"/> at once in this process. The process takes more
/// activities than that, so that webhooks and removals do not wait until a long attempt ends.
/// </summary>
internal sealed class AttemptSlots : IDisposable
{
    /// <summary>The minimum time that an attempt waits for a slot, whatever the host allows.</summary>
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(100);

    /// <summary>How long before the host's limit an activity gives up, if the limit is not shorter than twice that.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(5);

    /// <summary>How long a host that cancels invocations may take to stop.</summary>
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _slots;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Meter _meter = new(AppTelemetry.Name);
    private readonly Histogram<double> _wait;
    private readonly double _maxTimeoutSeconds;
    private readonly TimeSpan? _maxActivityTime;
    private readonly TimeProvider _time;
    private long? _cancelledAt;

    public AttemptSlots(
        IOptions<TasksOptions> tasks, IOptions<LimitsOptions> limits, IOptions<DurableHostingOptions> hosting, TimeProvider time)
    {
        _time = time;
        (_maxTimeoutSeconds, _maxActivityTime) = (limits.Value.MaxTimeoutSeconds, hosting.Value.MaxActivityTime);
        _slots = new SemaphoreSlim(tasks.Value.MaxRunning);
        _wait = _meter.CreateHistogram<double>("functionsapp.task.wait", "s", "The time that tasks waited for their turn.");
    }

    /// <summary>
    /// Whether the host has lately cancelled an invocation, as it does when it stops: an attempt that began now would be interrupted.
    /// </summary>
    public bool IsHostStopping => _cancelledAt is { } at && _time.GetElapsedTime(at) < StopTime;

    /// <summary>Is cancelled when the process is ending: attempts are interrupted, and begin again elsewhere.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>How long an activity may take, with the time to report its result; null for any time.</summary>
    public TimeSpan? MaxTime => _maxActivityTime is not { } max ? null : max > 2 * Margin ? max - Margin : max / 2;

    /// <summary>Returns a call with a time limit that this host allows. A host with a higher maximum may have accepted the task.</summary>
    public AttemptInput Adopt(AttemptInput call) => call.Definition.TimeoutSeconds > _maxTimeoutSeconds
        ? call with { Definition = call.Definition with { TimeoutSeconds = null } }
        : call;

    /// <summary>Returns how long the attempt of a call may take.</summary>
    public TimeSpan LimitOf(AttemptInput call) => TimeSpan.FromSeconds(call.Definition.TimeoutSeconds ?? _maxTimeoutSeconds);

    /// <summary>Waits for a slot, and for memory for the input of an attempt.</summary>
    /// <param name="call">The attempt.</param>
    /// <param name="memory">The memory of the attempt.</param>
    /// <param name="stopping">Ends the wait.</param>
    /// <returns>The slot; null if the rest of the time that the host allows became too short for the attempt.</returns>
    public async Task<Slot?> TryEnterAsync(AttemptInput call, RequestMemory memory, CancellationToken stopping)
    {
        var wait = _maxActivityTime - LimitOf(call) ?? Timeout.InfiniteTimeSpan;
        using var timer = new CancellationTokenSource(_maxActivityTime is not null && wait < MinWait ? MinWait : wait, _time);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping, timer.Token);

        Slot? slot = null;
        try
        {
            await _slots.WaitAsync(patience.Token);
            slot = new Slot(_slots);

            // The clock of the process that has scheduled the call may be ahead.
            _wait.Record(Math.Max(0, (_time.GetUtcNow() - call.DueAt).TotalSeconds));
            await memory.HoldWhenThereIsRoomAsync(call.InputBytes, patience.Token);
            return slot;
        }
        catch (Exception exception)
        {
            slot?.Dispose();
            if (exception is OperationCanceledException && !stopping.IsCancellationRequested)
            {
                return null;
            }

            throw;
        }
    }

    /// <summary>Notes that the host has cancelled an invocation.</summary>
    public void NoteCancelled() => _cancelledAt = _time.GetTimestamp();

    /// <summary>Interrupts all attempts.</summary>
    public Task StopAsync() => _stopping.CancelAsync();

    public void Dispose()
    {
        _slots.Dispose();
        _stopping.Dispose();
        _meter.Dispose();
    }

    /// <summary>The place of an attempt that runs. Disposing it frees the place.</summary>
    public sealed class Slot(SemaphoreSlim slots) : IDisposable
    {
        public void Dispose() => slots.Release();
    }
}
