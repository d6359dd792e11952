using System.Diagnostics.Metrics;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Telemetry;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Storage;

/// <summary>
/// Keeps the hub within <see cref="TasksOptions.MaxQueued"/> and <see cref="TasksOptions.MaxStateBytes"/>, approximately: the
/// activities that wait or run, webhooks included, and the bytes of all blobs are measured now and then; what this process adds
/// meanwhile is counted.
/// </summary>
internal sealed class StorageUse : IDisposable
{
    private const int RetryAfterSeconds = 60;

    private readonly TasksOptions _options;
    private readonly Sample _queued;
    private readonly Sample _bytes;
    private readonly Meter _meter = new(AppTelemetry.Name);

    public StorageUse(TaskHub hub, IOptions<TasksOptions> options, TimeProvider time)
    {
        _options = options.Value;
        _queued = new Sample(time, TimeSpan.FromSeconds(2), async token => await hub.CountActivitiesAsync(token));
        _bytes = new Sample(time, TimeSpan.FromMinutes(1), token => hub.Blobs.Inventory.MeasureAsync(token));
        _meter.CreateObservableGauge(
            "functionsapp.task.queue.length",
            _queued.Read,
            "{task}",
            "Attempts and webhooks of all processes that wait or run, as of the last count.");
    }

    /// <summary>Makes room for a new task.</summary>
    /// <exception cref="ProblemException"><c>saturated</c>.</exception>
    public async Task AddAsync(long inputBytes, CancellationToken cancellationToken)
    {
        var queued = await _queued.AddAsync(1, cancellationToken);
        if (queued > _options.MaxQueued)
        {
            throw TaskProblems.QueueFull(_options.MaxQueued, RetryAfterSeconds);
        }

        if (!await HasRoomAsync(inputBytes))
        {
            throw TaskProblems.StateFull(_options.MaxStateBytes);
        }
    }

    /// <summary>Counts bytes that are about to be stored; returns whether there is room for them.</summary>
    public async Task<bool> HasRoomAsync(long bytes) =>
        await _bytes.AddAsync(bytes, CancellationToken.None) <= _options.MaxStateBytes;

    public void Dispose() => _meter.Dispose();

    /// <summary>A measure that is taken again when it is old, while callers go on with the old one.</summary>
    private sealed class Sample(TimeProvider time, TimeSpan maxAge, Func<CancellationToken, Task<long>> measure)
    {
        private readonly Lock _gate = new();
        private long _value;
        private long? _taken;
        private Task? _measuring;

        /// <summary>Returns the last measure.</summary>
        public long Read()
        {
            _ = Refresh();
            return Interlocked.Read(ref _value);
        }

        /// <summary>Adds to the last measure; the first caller waits for one.</summary>
        public async Task<long> AddAsync(long more, CancellationToken cancellationToken)
        {
            await Refresh().WaitAsync(cancellationToken);
            return Interlocked.Add(ref _value, more);
        }

        /// <summary>Measures, unless that was done a short while ago; returns what to wait for if there is no measure yet.</summary>
        private Task Refresh()
        {
            lock (_gate)
            {
                if (_taken is { } taken && time.GetElapsedTime(taken) <= maxAge)
                {
                    return Task.CompletedTask;
                }

                if (_measuring is null or { IsCompleted: true })
                {
                    _measuring = MeasureAsync();
                }

                return _taken is null ? _measuring : Task.CompletedTask;
            }
        }

        private async Task MeasureAsync()
        {
            // The caller holds the lock.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            var value = await measure(CancellationToken.None);
            lock (_gate)
            {
                Interlocked.Exchange(ref _value, value);
                _taken = time.GetTimestamp();
            }
        }
    }
}
