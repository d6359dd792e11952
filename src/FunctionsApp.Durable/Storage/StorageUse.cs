using System.Diagnostics.Metrics;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Telemetry;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Storage;

/// <summary>
/// Keeps the hub within <see cref="TasksOptions.MaxQueued"/> and <see cref="TasksOptions.MaxStateBytes"/>, approximately: the
/// activities that wait or run, webhooks included, and the bytes of all blobs are measured now and then. Between two measurements each
/// process counts what it adds itself. Thread-safe.
/// </summary>
internal sealed class StorageUse : IDisposable
{
    private const int RetryAfterSeconds = 60;

    /// <summary>The age of a measurement of the blobs after which another one is made.</summary>
    private static readonly TimeSpan MinAge = TimeSpan.FromMinutes(1);

    /// <summary>The age of a count of nothing after which another one is made.</summary>
    private static readonly TimeSpan IdlePause = TimeSpan.FromSeconds(30);

    private readonly TaskHub _hub;
    private readonly TasksOptions _options;
    private readonly Meter _meter = new(AppTelemetry.Name);
    private readonly TimeProvider _time;
    private long _queued;
    private long _bytes;
    private volatile bool _hasGrown;
    private long? _measured, _counted;

    public StorageUse(TaskHub hub, IOptions<TasksOptions> options, TimeProvider time)
    {
        (_hub, _options, _time) = (hub, options.Value, time);
        _meter.CreateObservableGauge(
            "functionsapp.task.queue.length",
            () => Interlocked.Read(ref _queued),
            "{task}",
            "Attempts and webhooks of all processes that wait or run, as of the last count.");
    }

    /// <summary>Counts the activities that wait or run: often while there are some, seldom in an idle hub.</summary>
    public async Task CountAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Read(ref _queued) > 0 || _counted is not { } last || _time.GetElapsedTime(last) > IdlePause)
        {
            Interlocked.Exchange(ref _queued, await _hub.CountActivitiesAsync(cancellationToken));
            _counted = _time.GetTimestamp();
        }
    }

    /// <summary>Measures the blobs, if this process has added to them and a minute has passed: it lists all of them.</summary>
    public async Task MeasureAsync(CancellationToken cancellationToken)
    {
        if (_hasGrown && (_measured is not { } last || _time.GetElapsedTime(last) > MinAge))
        {
            _hasGrown = false;
            Interlocked.Exchange(ref _bytes, await _hub.Blobs.MeasureAsync(cancellationToken));
            _measured = _time.GetTimestamp();
        }
    }

    /// <summary>Makes room for a new task.</summary>
    /// <exception cref="ProblemException"><c>saturated</c>.</exception>
    public void Add(long inputBytes)
    {
        if (Interlocked.Increment(ref _queued) > _options.MaxQueued)
        {
            throw TaskProblems.QueueFull(_options.MaxQueued, RetryAfterSeconds);
        }

        if (!HasRoom(inputBytes))
        {
            throw TaskProblems.StateFull(_options.MaxStateBytes);
        }
    }

    /// <summary>Counts bytes that are about to be stored; returns whether there is room for them.</summary>
    public bool HasRoom(long bytes)
    {
        _hasGrown = true;
        return Interlocked.Add(ref _bytes, bytes) <= _options.MaxStateBytes;
    }

    public void Dispose() => _meter.Dispose();
}
