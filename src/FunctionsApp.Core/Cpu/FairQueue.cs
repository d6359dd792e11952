namespace FunctionsApp.Core.Cpu;

/// <summary>
/// Whose turn it is on the threads of a pool, by fair queueing: the next turn belongs to the <see cref="CpuShare"/> that has used the
/// least core time. Virtual time is the use of a hypothetical share that was always ready and got its part. A share that arrives later
/// starts from it. The members are guarded by the scheduler's lock.
/// </summary>
/// <remarks>
/// Turns by count would give a map of long items all the time: <c>CpuFairnessTests</c>. Beside a map of 50,000 items on every core, a
/// map of 10 items takes twice as long as alone, not until that one's end (docs/performance.md).
/// </remarks>
internal sealed class FairQueue(TimeProvider time)
{
    /// <summary>
    /// How far a share that is always ready may fall behind, because it has few workers, and still catch up. Without this limit it could
    /// save up time, and block every other share once it has many workers: <c>FairQueueTests</c>.
    /// </summary>
    private const double MaxCreditSeconds = 1;

    // Ordered by what a share had used when it was added, then by the longest wait. It may have used more since.
    private readonly PriorityQueue<CpuShare, (long Used, long Order)> _ready = new();

    private long _lastOrder;
    private long _virtualTime;
    private long _advancedAt;
    private int _active;

    /// <summary>Returns whether another share than this one waits for a turn. Needs no lock: the result may be a moment old.</summary>
    public bool HasOthersThan(CpuShare share) => _ready.Count > 0 && (_ready.Count > 1 || !share.IsReady);

    /// <summary>
    /// Advances virtual time to now. Call it as cores are used, and before a share arrives or leaves: otherwise shares that
    /// arrive later could always go first.
    /// </summary>
    /// <param name="turns">The number of turns that run.</param>
    /// <returns>The current timestamp.</returns>
    public long Advance(int turns)
    {
        var now = time.GetTimestamp();
        if (turns > 0)
        {
            _virtualTime += turns * (now - _advancedAt) / _active;
        }

        _advancedAt = now;
        return now;
    }

    /// <summary>Adds a ready job to those that wait for a turn.</summary>
    /// <returns>Whether the job is ready and did not wait before.</returns>
    public bool TryEnqueue(CpuJob job, long now)
    {
        if (!job.IsReady || job.IsQueued)
        {
            return false;
        }

        var share = job.Share;
        if (!share.IsReady)
        {
            // A share that arrives is a turn ahead of the others: it has waited for none yet.
            share.CatchUp(_virtualTime - Ticks(share.IsIdle ? CpuTurn.Seconds : MaxCreditSeconds), now);
            _active += share.IsIdle ? 1 : 0;
            _ready.Enqueue(share, (share.Used(now), ++_lastOrder));
        }

        share.Enqueue(job);
        return true;
    }

    /// <summary>Finds the share that has used the least, and its next job; null if no share is ready.</summary>
    public CpuJob? Dequeue(long now)
    {
        while (_ready.TryDequeue(out var share, out var place))
        {
            var used = share.Used(now);
            if (used > place.Used)
            {
                // The share has had a turn meanwhile.
                _ready.Enqueue(share, (used, place.Order));
            }
            else if (share.Dequeue() is { } job)
            {
                if (share.IsReady)
                {
                    _ready.Enqueue(share, (used, ++_lastOrder));
                }

                _virtualTime = Math.Max(_virtualTime, used);
                return job;
            }
            else
            {
                LeaveIfIdle(share);
            }
        }

        return null;
    }

    /// <summary>Forgets a share that has no running and no ready job. Call it when a turn of the share has ended.</summary>
    public void LeaveIfIdle(CpuShare share) => _active -= share.IsIdle ? 1 : 0;

    private long Ticks(double seconds) => (long)(seconds * time.TimestampFrequency);
}
