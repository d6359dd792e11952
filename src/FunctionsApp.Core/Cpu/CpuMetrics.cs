using System.Diagnostics.Metrics;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Cpu;

/// <summary>The metrics of the scheduler. The members are guarded by its lock.</summary>
internal sealed class CpuMetrics : IDisposable
{
    private readonly Meter _meter = new(AppTelemetry.Name);
    private readonly Histogram<double> _wait;
    private readonly object _gate;
    private readonly int _threads;
    private readonly TimeProvider _time;
    private int _running;
    private long _busyTicks;
    private long _advancedAt;
    private (long BusyTicks, long At) _exported;

    public CpuMetrics(object gate, CpuBacklog backlog, int threads, TimeProvider time)
    {
        (_gate, _threads, _time) = (gate, threads, time);
        _advancedAt = time.GetTimestamp();
        _exported = (0, _advancedAt);
        _wait = _meter.CreateHistogram<double>("functionsapp.cpu.wait", "s", "The time that jobs waited for their first turn.");
        _meter.CreateObservableGauge(
            "functionsapp.cpu.queue.length", () => Read(() => backlog.Waiting), "{item}", "Items that wait for a core.");
        _meter.CreateObservableCounter(
            "functionsapp.cpu.busy",
            () => Read(() => (double)_busyTicks / time.TimestampFrequency),
            "s",
            "Time that the cores spent computing.");
        _meter.CreateObservableGauge(
            "functionsapp.cpu.utilization",
            () => Read(Utilization),
            "1",
            "The fraction of the cores' time that was used since the last export.");
    }

    /// <summary>A turn of a job begins.</summary>
    public void Begin(CpuJob job, long now)
    {
        Advance(now);
        _running++;
        if (job.AdmittedAt is { } admitted && _wait.Enabled)
        {
            _wait.Record(_time.GetElapsedTime(admitted, now).TotalSeconds);
        }

        job.AdmittedAt = null;
    }

    /// <summary>A turn ends.</summary>
    public void End(long now)
    {
        Advance(now);
        _running--;
    }

    public void Dispose() => _meter.Dispose();

    private void Advance(long now)
    {
        // The turns of two pools share the cores.
        _busyTicks += Math.Min(_running, _threads) * (now - _advancedAt);
        _advancedAt = now;
    }

    private T Read<T>(Func<T> value)
    {
        lock (_gate)
        {
            Advance(_time.GetTimestamp());
            return value();
        }
    }

    private double Utilization()
    {
        var (busy, time) = (_busyTicks - _exported.BusyTicks, _advancedAt - _exported.At);
        _exported = (_busyTicks, _advancedAt);
        return time > 0 ? busy / ((double)time * _threads) : 0;
    }
}
