using System.Diagnostics.Metrics;
using System.Globalization;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Cpu;

/// <summary>
/// Spends the cores. It owns as many threads as the process may use cores, and divides their time fairly between the
/// requests (weighted fair queueing): the next turn is that of the <see cref="CpuShare"/> which has used the least. A huge
/// job alone gets everything; a small one that arrives during it is served at once, because turns are cut short, between
/// two items, for who has had less. The threads that serve requests never compute.
/// </summary>
/// <remarks>
/// One long computation cannot be cut. While that of a light share, of a task, keeps heavier ones waiting, a thread more
/// stands in for the one that it has taken: then the system divides the cores between them.
/// </remarks>
public sealed class CpuScheduler : IDisposable
{
    private const int LongestRetryAfterSeconds = 3_600;

    /// <summary>How long a light share pauses before it asks for room again: what keeps the cores busy may be cancelled.</summary>
    private const int MaxPauseSeconds = 5;

    /// <summary>
    /// How far a share that is always there may fall behind, because it has few lanes, and still catch up; else it could
    /// save up for a time when it has many, and nobody else would be served then.
    /// </summary>
    private const double MostCreditSeconds = 1;

    /// <summary>How long a light share's turn may go on while heavier shares wait, before a thread stands in for its own.</summary>
    private static readonly TimeSpan Overrun = TimeSpan.FromMilliseconds(20);

    // A monitor, not a Lock: idle threads wait on it.
    private readonly object _gate = new();
    private readonly HashSet<CpuJob> _jobs = [];

    // By what they had used when they were put there, the one that has waited longest first. They may have used more since.
    private readonly PriorityQueue<CpuShare, (double Used, long Turn)> _ready = new();
    private readonly CpuOptions _options;
    private readonly TimeProvider _time;
    private readonly List<CpuTurn> _turns = [];
    private int _idle;
    private long _lastTurn;
    private long _waitingItems;
    private Pace _pace;
    private bool _stopped;
    private int _light;
    private int _standIns;
    private ITimer? _overrun;
    private bool _isOverrunWatched;

    private readonly Meter _meter = new(AppTelemetry.Name);
    private readonly Histogram<double> _wait;
    private long _busy;
    private (long Busy, long At) _measured;

    // What a share has used that has been there all along, and has had its part: where new ones begin (the virtual time of
    // fair queueing). It goes on as time is spent, or those who come later could go first for ever.
    private double _fair;
    private long _fairAt;
    private double _weights;
    private int _running;

    /// <summary>Creates the scheduler; its threads start with the first job.</summary>
    public CpuScheduler(IOptions<CpuOptions> options, TimeProvider time)
    {
        (_options, _time) = (options.Value, time);
        _measured = (0, time.GetTimestamp());
        _wait = _meter.CreateHistogram<double>("functionsapp.cpu.wait", "s", "How long jobs waited for their first turn.");
        _meter.CreateObservableGauge("functionsapp.cpu.queue.length", () => Read(() => _waitingItems), "{item}", "Items that wait for a core.");
        _meter.CreateObservableCounter("functionsapp.cpu.busy", () => Read(() => _busy / (double)_time.TimestampFrequency), "s", "Time that the cores have computed.");
        _meter.CreateObservableGauge("functionsapp.cpu.utilization", ReadUtilization, "1", "The part of the cores' time that was used since it was last asked for.");
    }

    /// <summary>How many threads compute.</summary>
    public int Threads => _options.Threads;

    /// <summary>Does nothing while a single computation more would be admitted.</summary>
    /// <exception cref="ProblemException"><c>saturated</c> when it would not.</exception>
    public void EnsureRoom()
    {
        lock (_gate)
        {
            if (Refusal(items: 1) is { } refusal)
            {
                throw new ProblemException(refusal);
            }
        }
    }

    /// <summary>Computes one result.</summary>
    /// <param name="compute">Runs on a thread of the scheduler; is to look at its token in long loops.</param>
    /// <param name="cancellationToken">Cancels the computation, or its waiting for a thread.</param>
    /// <exception cref="ProblemException"><c>saturated</c> when too much waits already; a light share waits for room instead.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, T> compute, CancellationToken cancellationToken)
    {
        var call = new CpuCall<T>(compute, cancellationToken);
        await RunAsync(call, cancellationToken);
        return call.Result!;
    }

    /// <summary>Runs a job to its end. When this returns, nothing of it runs any more.</summary>
    /// <param name="job">What to compute.</param>
    /// <param name="cancellationToken">Drops what is not running yet; what runs is to look at it by itself.</param>
    /// <exception cref="ProblemException"><c>saturated</c> when too much waits already; a light share waits for room instead.</exception>
    internal async Task RunAsync(CpuJob job, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (job.IsOver)
        {
            return;
        }

        while (TryAdmit(job) is { } refusal)
        {
            if (!job.Share.IsLight)
            {
                throw new ProblemException(refusal);
            }

            // Nobody waits for a task, so it waits here. What it has done before this job is not to be done again.
            await Task.Delay(TimeSpan.FromSeconds(Math.Min(refusal.RetryAfterSeconds!.Value, MaxPauseSeconds)), _time, cancellationToken);
        }

        await using (cancellationToken.UnsafeRegister(_ => Drop(job), null))
        {
            await job.Completion;
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Looks again at a job that may be ready now, or over.</summary>
    /// <param name="job">The job.</param>
    /// <param name="items">How many items are added to it.</param>
    internal void Update(CpuJob job, int items = 0) => Change(job, () => _waitingItems += job.Add(items));

    /// <summary>Closes a job: it is over when all of its items are computed.</summary>
    internal void Close(CpuJob job) => Change(job, job.Close);

    /// <summary>Stops the threads. Jobs that are not running yet are cancelled.</summary>
    public void Dispose()
    {
        _meter.Dispose();
        List<CpuJob> over = [];
        lock (_gate)
        {
            _stopped = true;
            _overrun?.Dispose();
            foreach (var job in _jobs.Where(static job => job.Waiting > 0 || job.IsOpen))
            {
                Abandon(job);
                if (job.IsOver)
                {
                    over.Add(job);
                }
            }

            Monitor.PulseAll(_gate);
        }

        over.ForEach(static job => job.Complete());
    }

    /// <returns>Why the job is not let in; null when it is.</returns>
    private Problem? TryAdmit(CpuJob job)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopped, this);
            if (Refusal(Math.Max(job.Waiting, 1)) is { } refusal)
            {
                return refusal;
            }

            _waitingItems += job.Waiting;
            job.AdmittedAt = _time.GetTimestamp();
            _jobs.Add(job);
            StartThreads();
            Enqueue(job);
            return null;
        }
    }

    /// <summary><c>saturated</c> when so many items more may not wait. One job is always let in when nothing waits.</summary>
    private Problem? Refusal(int items) => _waitingItems == 0 || _waitingItems + items <= _options.MaxQueuedItems
        ? null
        : Problem.Saturated(
            string.Create(CultureInfo.InvariantCulture,
                $"{_waitingItems} items wait for the CPU; with {items} more there would be over {_options.MaxQueuedItems} (Cpu:MaxQueuedItems)."),
            RetryAfterSeconds(items));

    /// <summary>When, at the speed of each job that waits, enough will have been taken for so many items more.</summary>
    private int RetryAfterSeconds(int items)
    {
        var all = _jobs.Sum(job => job.Waiting * (job.SecondsPerItem > 0 ? job.SecondsPerItem : _pace.SecondsPerItem));
        var part = Math.Min((double)(_waitingItems + items - _options.MaxQueuedItems) / _waitingItems, 1);
        return (int)Math.Clamp(Math.Ceiling(all * part / Threads), 1, LongestRetryAfterSeconds);
    }

    private void StartThreads()
    {
        while (_turns.Count < Threads)
        {
            StartThread(string.Create(CultureInfo.InvariantCulture, $"cpu-{_turns.Count}"), standsIn: false);
        }
    }

    private void StartThread(string name, bool standsIn)
    {
        var turn = new CpuTurn(_time);
        _turns.Add(turn);

        // Background: a computation that does not look at its token must not keep the process alive.
        new Thread(() => Work(turn, standsIn)) { IsBackground = true, Name = name }.UnsafeStart();
    }

    private void Work(CpuTurn turn, bool standsIn)
    {
        while (TryBegin(turn, standsIn, out var job, out var portion))
        {
            var computed = job.Compute(portion, turn);
            End(turn, job, portion, computed);
        }
    }

    private bool TryBegin(CpuTurn turn, bool standsIn, out CpuJob job, out Portion portion)
    {
        lock (_gate)
        {
            while (!_stopped)
            {
                var now = Spend();
                if (standsIn && _standIns > Overrunning(now))
                {
                    break;
                }

                if (standsIn ? TryDequeueHeavy(now, out var share, out job!) : TryDequeue(now, out share, out job!))
                {
                    portion = job.Take();
                    NoteWait(job, now);
                    _waitingItems -= portion.Count;
                    turn.Begin(share, now);
                    _running++;
                    _light += share.IsLight ? 1 : 0;

                    // Behind the others of the same standing, for the next thread.
                    if (TryEnqueue(job, now))
                    {
                        TryWake();
                    }

                    TellTurns();
                    StandIn();
                    return true;
                }

                if (standsIn)
                {
                    break;
                }

                // Whoever wakes this thread counts it out.
                _idle++;
                TellTurns();
                Monitor.Wait(_gate);
            }

            if (standsIn)
            {
                _standIns--;
                _turns.Remove(turn);
            }

            (job, portion) = (null!, default);
            return false;
        }
    }

    /// <summary>How many turns of light shares go on although somebody may have waited for long.</summary>
    private int Overrunning(long now) => _light == 0 ? 0 : _turns.Count(turn => turn.Share is { IsLight: true } && _time.GetElapsedTime(turn.Started, now) >= Overrun);

    private int HeavyWaiting() => _ready.UnorderedItems.Count(static item => !item.Element.IsLight);

    /// <summary>Has threads stand in for those that light shares have taken for long, and looks again while heavier ones wait.</summary>
    private void StandIn()
    {
        if (_light <= _standIns || HeavyWaiting() is var heavy && heavy == 0)
        {
            return;
        }

        for (var more = Math.Min(Overrunning(_time.GetTimestamp()) - _standIns, heavy); more > 0; more--)
        {
            _standIns++;
            StartThread("cpu-stand-in", standsIn: true);
        }

        if (!_isOverrunWatched && !_stopped)
        {
            _isOverrunWatched = true;
            _overrun ??= _time.CreateTimer(static scheduler => ((CpuScheduler)scheduler!).LookAgain(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _overrun.Change(Overrun, Timeout.InfiniteTimeSpan);
        }
    }

    private void LookAgain()
    {
        lock (_gate)
        {
            _isOverrunWatched = false;
            if (!_stopped)
            {
                StandIn();
            }
        }
    }

    /// <summary>As <see cref="TryDequeue"/>, without those that are light.</summary>
    private bool TryDequeueHeavy(long now, out CpuShare share, out CpuJob? job)
    {
        var light = _ready.UnorderedItems.Where(static item => item.Element.IsLight).ToList();
        light.ForEach(item => _ready.Remove(item.Element, out _, out _));
        var found = TryDequeue(now, out share, out job);
        _ready.EnqueueRange(light);
        return found;
    }

    /// <summary>Finds the share that has used the least, the one that has waited longest first.</summary>
    private bool TryDequeue(long now, out CpuShare share, out CpuJob? job)
    {
        while (_ready.TryDequeue(out share!, out var place))
        {
            var used = share.Used(now);
            if (used > place.Used)
            {
                // Something of it has run meanwhile.
                _ready.Enqueue(share, (used, place.Turn));
                continue;
            }

            job = share.Dequeue();
            if (share.IsReady)
            {
                _ready.Enqueue(share, (used, ++_lastTurn));
            }

            if (job is not null)
            {
                _fair = Math.Max(_fair, used);
                return true;
            }

            LeaveIfIdle(share);
        }

        job = null;
        return false;
    }

    private void End(CpuTurn turn, CpuJob job, Portion portion, int computed)
    {
        bool over;
        lock (_gate)
        {
            var now = Spend();
            var took = _time.GetElapsedTime(turn.Started, now);
            _waitingItems += job.Release(portion, computed, took);
            if (computed > 0)
            {
                _pace.Note(computed, took);
            }
            else
            {
                _waitingItems -= job.DropWaiting();
            }

            if (_stopped && job.Waiting > 0)
            {
                Abandon(job);
            }

            // This thread comes back for it, so none need be woken; and before the turn ends, as the share has not been away.
            TryEnqueue(job, now);
            _light -= turn.Share!.IsLight ? 1 : 0;
            turn.End(now);
            _running--;
            LeaveIfIdle(job.Share);
            over = ForgetIfOver(job);
        }

        if (over)
        {
            job.Complete();
        }
    }

    private void Drop(CpuJob job) => Change(job, () => _waitingItems -= job.DropWaiting());

    private void Change(CpuJob job, Action change)
    {
        bool over;
        lock (_gate)
        {
            change();
            Enqueue(job);
            over = ForgetIfOver(job);
        }

        if (over)
        {
            job.Complete();
        }
    }

    /// <summary>The threads have stopped: what waits is never computed.</summary>
    private void Abandon(CpuJob job)
    {
        job.Fail(new OperationCanceledException("The CPU scheduler has stopped."));
        _waitingItems -= job.DropWaiting();
    }

    private bool ForgetIfOver(CpuJob job)
    {
        if (job.IsOver)
        {
            _jobs.Remove(job);
        }

        return job.IsOver;
    }

    /// <summary>Lets a job that is ready have its turn: an idle thread's, or that of a share that has used more.</summary>
    private void Enqueue(CpuJob job)
    {
        var now = Spend();
        var arrives = job.Share.IsIdle;
        if (!TryEnqueue(job, now) || TryWake())
        {
            // As many as it can use: a thread that is woken by another, which goes on computing, may wait for that one's core.
            for (var more = Math.Min(job.Lanes, job.Waiting) - 1; job.IsQueued && more > 0 && TryWake(); more--)
            {
            }

            return;
        }

        TellTurns();
        if (arrives)
        {
            CutFor(job.Share, now);
        }

        StandIn();
    }

    /// <summary>Puts a job that is ready among those that wait for a turn.</summary>
    /// <returns>Whether it was not there before.</returns>
    private bool TryEnqueue(CpuJob job, long now)
    {
        if (_stopped || !job.IsReady || job.IsQueued)
        {
            return false;
        }

        var share = job.Share;
        if (!share.IsReady)
        {
            if (share.IsIdle)
            {
                // A turn ahead of the others: it has waited for none yet.
                share.CatchUp(_fair - Ticks(CpuTurn.Seconds), now);
                _weights += share.Weight;
            }
            else
            {
                share.CatchUp(_fair - Ticks(MostCreditSeconds), now);
            }

            _ready.Enqueue(share, (share.Used(now), ++_lastTurn));
        }

        share.Enqueue(job);
        return true;
    }

    private double Ticks(double seconds) => seconds * _time.TimestampFrequency;

    /// <summary>Notes the time that has been spent, before a share comes or goes: each that was there has been due its part.</summary>
    /// <returns>The timestamp of now.</returns>
    private long Spend()
    {
        var now = _time.GetTimestamp();
        if (_running > 0)
        {
            _busy += _running * (now - _fairAt);
            _fair += _running * (now - _fairAt) / _weights;
        }

        _fairAt = now;
        return now;
    }

    private void NoteWait(CpuJob job, long now)
    {
        if (job.AdmittedAt is { } admitted && _wait.Enabled)
        {
            _wait.Record(_time.GetElapsedTime(admitted, now).TotalSeconds);
        }

        job.AdmittedAt = null;
    }

    private T Read<T>(Func<T> value)
    {
        lock (_gate)
        {
            Spend();
            return value();
        }
    }

    private double ReadUtilization() => Read(() =>
    {
        var (busy, time) = (_busy - _measured.Busy, _fairAt - _measured.At);
        _measured = (_busy, _fairAt);
        return time > 0 ? busy / ((double)time * Threads) : 0;
    });

    private void LeaveIfIdle(CpuShare share)
    {
        if (share.IsIdle)
        {
            _weights -= share.Weight;
        }
    }

    private bool TryWake()
    {
        if (_idle == 0)
        {
            return false;
        }

        _idle--;
        Monitor.Pulse(_gate);
        return true;
    }

    /// <summary>Tells each thread whether another request waits for it.</summary>
    private void TellTurns()
    {
        foreach (var turn in _turns)
        {
            turn.IsContended = _idle == 0 && _ready.Count > (turn.Share is { IsReady: true } ? 1 : 0);
        }
    }

    /// <summary>Ends a turn for a share that has just come: that of the share that has used the most, if it has used more.</summary>
    private void CutFor(CpuShare share, long now)
    {
        var used = share.Used(now);
        CpuTurn? longest = null;
        foreach (var turn in _turns)
        {
            if (!turn.IsCut && turn.Share?.Used(now) is { } other && other > used)
            {
                (longest, used) = (turn, other);
            }
        }

        longest?.Cut();
    }
}
