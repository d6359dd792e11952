using System.Diagnostics.Metrics;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Telemetry;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Activities;

/// <summary>
/// Where attempts run: at most <see cref="TasksOptions.MaxRunning"/> at once in this process. The process takes more activities than
/// that, so that webhooks and removals do not wait until a long attempt ends.
/// </summary>
internal sealed class AttemptSlots : IDisposable
{
    private readonly SemaphoreSlim _slots;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Meter _meter = new(AppTelemetry.Name);
    private readonly Histogram<double> _wait;
    private readonly TimeProvider _time;

    public AttemptSlots(IOptions<TasksOptions> options, TimeProvider time)
    {
        (_slots, _time) = (new SemaphoreSlim(options.Value.MaxRunning), time);
        _wait = _meter.CreateHistogram<double>("functionsapp.task.wait", "s", "The time that tasks waited for their turn.");
    }

    /// <summary>Is cancelled when the process is ending: attempts are interrupted, and begin again elsewhere.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Waits for a slot.</summary>
    /// <param name="dueAt">Since when the attempt waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Frees the slot.</returns>
    public async Task<IDisposable> EnterAsync(DateTimeOffset dueAt, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken);

        // The clock of the process that has ordered it may be ahead.
        _wait.Record(Math.Max(0, (_time.GetUtcNow() - dueAt).TotalSeconds));
        return new Slot(_slots);
    }

    /// <summary>Interrupts all attempts.</summary>
    public Task StopAsync() => _stopping.CancelAsync();

    public void Dispose()
    {
        _slots.Dispose();
        _stopping.Dispose();
        _meter.Dispose();
    }

    private sealed class Slot(SemaphoreSlim slots) : IDisposable
    {
        public void Dispose() => slots.Release();
    }
}
