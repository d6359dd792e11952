using System.Diagnostics.Metrics;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Cpu;

/// <summary>The metrics of the scheduler.</summary>
internal sealed class CpuMetrics : IDisposable
{
    private readonly Meter _meter = new(AppTelemetry.Name);
    private readonly Histogram<double> _wait;
    private readonly object _gate;
    private readonly FairQueue _queue;
    private readonly TimeProvider _time;
    private readonly int _threads;
    private (long BusyTicks, long At) _measured;

    /// <summary>Creates the instruments.</summary>
    /// <param name="gate">The scheduler's lock.</param>
    /// <param name="queue">Counts the time that the cores have computed.</param>
    /// <param name="backlog">Counts the items that wait.</param>
    /// <param name="threads">How many threads compute.</param>
    /// <param name="time">The clock.</param>
    public CpuMetrics(object gate, FairQueue queue, CpuBacklog backlog, int threads, TimeProvider time)
    {
        (_gate, _queue, _threads, _time) = (gate, queue, threads, time);
        _measured = (0, time.GetTimestamp());
        _wait = _meter.CreateHistogram<double>("functionsapp.cpu.wait", "s", "The time that jobs waited for their first turn.");
        _meter.CreateObservableGauge("functionsapp.cpu.queue.length", () => Read(() => backlog.Waiting), "{item}", "Items that wait for a core.");
        _meter.CreateObservableCounter("functionsapp.cpu.busy", () => Read(() => queue.BusyTicks / (double)time.TimestampFrequency), "s", "Time that the cores spent computing.");
        _meter.CreateObservableGauge("functionsapp.cpu.utilization", () => Read(Utilization), "1", "The fraction of the cores' time that was used since the last measurement.");
    }

    /// <summary>Records how long a job waited for its first turn. Under the lock.</summary>
    public void NoteWait(CpuJob job, long now)
    {
        if (job.AdmittedAt is { } admitted && _wait.Enabled)
        {
            _wait.Record(_time.GetElapsedTime(admitted, now).TotalSeconds);
        }

        job.AdmittedAt = null;
    }

    public void Dispose() => _meter.Dispose();

    private T Read<T>(Func<T> value)
    {
        lock (_gate)
        {
            _queue.Advance();
            return value();
        }
    }

    private double Utilization()
    {
        var (busy, time) = (_queue.BusyTicks - _measured.BusyTicks, _queue.AdvancedAt - _measured.At);
        _measured = (_queue.BusyTicks, _queue.AdvancedAt);
        return time > 0 ? busy / ((double)time * _threads) : 0;
    }
}
