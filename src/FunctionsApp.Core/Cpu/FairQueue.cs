namespace FunctionsApp.Core.Cpu;

/// <summary>
/// The scheduling policy, weighted fair queueing: the next turn belongs to the <see cref="CpuShare"/> that has used the
/// least time of a core for its weight. Virtual time is what a share has used that was there all along and got its part;
/// it tells where a share begins that comes later. The members are guarded by the scheduler's lock.
/// </summary>
internal sealed class FairQueue(TimeProvider time)
{
    /// <summary>
    /// How far a share that is always there may fall behind, because it has few workers, and still catch up. Without this
    /// limit it could save up for a time when it has many, and no other share would be served then.
    /// </summary>
    private const double MaxCreditSeconds = 1;

    // By what a share had used when it was put here, then by who has waited longest. It may have used more since.
    private readonly PriorityQueue<CpuShare, (double Used, long Order)> _ready = new();
    private long _lastOrder;
    private double _virtualTime;
    private double _weights;
    private int _running;

    /// <summary>Shares that have a job of which a portion could be taken.</summary>
    public int Count => _ready.Count;

    /// <summary>As <see cref="Count"/>, without background shares.</summary>
    public int ForegroundCount => _ready.UnorderedItems.Count(static item => !item.Element.IsBackground);

    /// <summary>Turns of background shares that are running.</summary>
    public int BackgroundTurns { get; private set; }

    /// <summary>How long all turns together have run, in ticks of the clock.</summary>
    public long BusyTicks { get; private set; }

    /// <summary>The timestamp of the last <see cref="Advance"/>.</summary>
    public long AdvancedAt { get; private set; }

    /// <summary>
    /// Moves virtual time to now. It must go on as cores are used, and before a share comes or goes: otherwise shares that
    /// come later could go first for ever.
    /// </summary>
    /// <returns>The timestamp of now.</returns>
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

    /// <summary>Puts a job that is ready among those that wait for a turn.</summary>
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
    /// <param name="now">The timestamp of now.</param>
    /// <param name="foregroundOnly">Whether to pass over background shares.</param>
    /// <param name="job">The job, if there is one.</param>
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

    /// <summary>Begins a turn of a job that was dequeued.</summary>
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
                // A turn of it has run meanwhile.
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
