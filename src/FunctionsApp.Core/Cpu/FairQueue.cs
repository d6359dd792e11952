namespace FunctionsApp.Core.Cpu;

/// <summary>
/// The scheduling policy, weighted fair queueing: the next turn belongs to the <see cref="CpuShare"/> that has used the
/// least core time for its weight. Virtual time is the use of a hypothetical share that was always ready and got its part.
/// A share that arrives later starts from it. The members are guarded by the scheduler's lock.
/// </summary>
internal sealed class FairQueue(TimeProvider time)
{
    /// <summary>
    /// How far a share that is always ready may fall behind, because it has few workers, and still catch up. Without this
    /// limit it could save up time, and block every other share once it has many workers.
    /// </summary>
    private const double MaxCreditSeconds = 1;

    // Ordered by what a share had used when it was added, then by the longest wait. It may have used more since.
    private readonly PriorityQueue<CpuShare, (double Used, long Order)> _ready = new();
    private long _lastOrder;
    private double _virtualTime;
    private double _weights;
    private int _running;

    /// <summary>The number of shares that have a job with a portion to take.</summary>
    public int Count => _ready.Count;

    /// <summary>As <see cref="Count"/>, without background shares.</summary>
    public int ForegroundCount => _ready.UnorderedItems.Count(static item => !item.Element.IsBackground);

    /// <summary>The number of running turns of background shares.</summary>
    public int BackgroundTurns { get; private set; }

    /// <summary>The total time of all turns, in ticks of the clock.</summary>
    public long BusyTicks { get; private set; }

    /// <summary>The timestamp of the last <see cref="Advance"/>.</summary>
    public long AdvancedAt { get; private set; }

    /// <summary>
    /// Advances virtual time to now. Call it as cores are used, and before a share arrives or leaves: otherwise shares that
    /// arrive later could always go first.
    /// </summary>
    /// <returns>The current timestamp.</returns>
    public long Advance()
    {
        var now = time.GetTimestamp();
        if (_running > 0)
        {
            var spent = _running * (now - AdvancedAt);
            BusyTicks += spent;
            _virtualTime += spent / _weights;
        }

        AdvancedAt = now;
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
            if (share.IsIdle)
            {
                // A turn ahead of the others: it has waited for none yet.
                share.CatchUp(_virtualTime - Ticks(CpuTurn.Seconds), now);
                _weights += share.Weight;
            }
            else
            {
                share.CatchUp(_virtualTime - Ticks(MaxCreditSeconds), now);
            }

            _ready.Enqueue(share, (share.Used(now), ++_lastOrder));
        }

        share.Enqueue(job);
        return true;
    }

    /// <summary>Finds the share that has used the least, and its next job.</summary>
    /// <param name="now">The current timestamp.</param>
    /// <param name="foregroundOnly">Whether to skip background shares.</param>
    /// <param name="job">The job; null if there is none.</param>
    public bool TryDequeue(long now, bool foregroundOnly, out CpuJob? job)
    {
        if (!foregroundOnly)
        {
            return TryDequeue(now, out job);
        }

        var background = _ready.UnorderedItems.Where(static item => item.Element.IsBackground).ToList();
        background.ForEach(item => _ready.Remove(item.Element, out _, out _));
        var found = TryDequeue(now, out job);
        _ready.EnqueueRange(background);
        return found;
    }

    /// <summary>Begins a turn of a dequeued job.</summary>
    public void Begin(CpuTurn turn, CpuJob job, long now)
    {
        turn.Begin(job.Share, now);
        _running++;
        BackgroundTurns += job.Share.IsBackground ? 1 : 0;
    }

    /// <summary>Ends a turn.</summary>
    public void End(CpuTurn turn, long now)
    {
        var share = turn.Share!;
        turn.End(now);
        _running--;
        BackgroundTurns -= share.IsBackground ? 1 : 0;
        LeaveIfIdle(share);
    }

    private bool TryDequeue(long now, out CpuJob? job)
    {
        while (_ready.TryDequeue(out var share, out var place))
        {
            var used = share.Used(now);
            if (used > place.Used)
            {
                // The share has had a turn meanwhile.
                _ready.Enqueue(share, (used, place.Order));
                continue;
            }

            job = share.Dequeue();
            if (share.IsReady)
            {
                _ready.Enqueue(share, (used, ++_lastOrder));
            }

            if (job is not null)
            {
                _virtualTime = Math.Max(_virtualTime, used);
                return true;
            }

            LeaveIfIdle(share);
        }

        job = null;
        return false;
    }

    private void LeaveIfIdle(CpuShare share)
    {
        if (share.IsIdle)
        {
            _weights -= share.Weight;
        }
    }

    private double Ticks(double seconds) => seconds * time.TimestampFrequency;
}
