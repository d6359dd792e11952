using System.Globalization;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Storage;

/// <summary>
/// Keeps the hub within <see cref="TasksOptions.MaxQueued"/> and <see cref="TasksOptions.MaxStateBytes"/>, approximately: the
/// activities that wait or run, webhooks included, and the bytes of all blobs are measured now and then; what this process adds
/// meanwhile is counted.
/// </summary>
internal sealed class StorageUse(TaskHub hub, IOptions<TasksOptions> options, TimeProvider time)
{
    private const int RetryAfterSeconds = 60;

    private readonly Sample _queued = new(time, TimeSpan.FromSeconds(2));
    private readonly Sample _bytes = new(time, TimeSpan.FromMinutes(1));

    /// <summary>Makes room for a new task.</summary>
    /// <exception cref="ProblemException"><c>saturated</c>.</exception>
    public async Task AddAsync(long inputBytes, CancellationToken cancellationToken)
    {
        var queued = await _queued.AddAsync(1, async token => await hub.CountActivitiesAsync(token), cancellationToken);
        if (queued > options.Value.MaxQueued)
        {
            throw new ProblemException(Problem.Saturated(
                string.Create(CultureInfo.InvariantCulture, $"No more than {options.Value.MaxQueued} tasks may wait (Tasks:MaxQueued)."), RetryAfterSeconds));
        }

        if (!await HasRoomAsync(inputBytes))
        {
            throw new ProblemException(Problem.Saturated(
                string.Create(CultureInfo.InvariantCulture, $"The tasks that are kept take {options.Value.MaxStateBytes} bytes (Tasks:MaxStateBytes)."), RetryAfterSeconds));
        }
    }

    /// <summary>Counts bytes that are about to be stored; returns whether there is room for them.</summary>
    public async Task<bool> HasRoomAsync(long bytes) =>
        await _bytes.AddAsync(bytes, hub.Blobs.MeasureAsync, CancellationToken.None) <= options.Value.MaxStateBytes;

    /// <summary>Why a result is refused.</summary>
    public static string NoRoomFor(long bytes) => string.Create(CultureInfo.InvariantCulture, $"The result takes {bytes} bytes, for which there is no room (Tasks:MaxStateBytes).");

    /// <summary>A measure that is taken again when it is old, while callers go on with the old one.</summary>
    private sealed class Sample(TimeProvider time, TimeSpan maxAge)
    {
        private readonly Lock _gate = new();
        private long _value;
        private long? _taken;
        private Task? _measuring;

        public async Task<long> AddAsync(long more, Func<CancellationToken, Task<long>> measure, CancellationToken cancellationToken)
        {
            Task? first = null;
            lock (_gate)
            {
                if (_taken is not { } taken || time.GetElapsedTime(taken) > maxAge)
                {
                    if (_measuring is null or { IsCompleted: true })
                    {
                        _measuring = Task.Run(() => MeasureAsync(measure), CancellationToken.None);
                    }

                    first = _taken is null ? _measuring : null;
                }
            }

            if (first is not null)
            {
                await first.WaitAsync(cancellationToken);
            }

            return Interlocked.Add(ref _value, more);
        }

        private async Task MeasureAsync(Func<CancellationToken, Task<long>> measure)
        {
            var value = await measure(CancellationToken.None);
            lock (_gate)
            {
                Interlocked.Exchange(ref _value, value);
                _taken = time.GetTimestamp();
            }
        }
    }
}
