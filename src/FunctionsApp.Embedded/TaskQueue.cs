using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Embedded.Storage;

namespace FunctionsApp.Embedded;

/// <summary>
/// Admits tasks, runs <see cref="TasksOptions.MaxRunning"/> of them at once and queues the others in order. Members that say so are
/// called under the store's gate.
/// </summary>
internal sealed class TaskQueue : IDisposable
{
    private const int MaxRetryAfterSeconds = 3_600;

    private readonly TaskStore _store;
    private readonly MemoryBudget _budget;
    private readonly AttemptRunner _attempts;
    private readonly TaskChanges _changes;
    private readonly TasksOptions _options;
    private readonly TimerQueue<Action> _timers;
    private readonly CancellationToken _stopping;
    private readonly StateLimits _limits;
    private readonly WaitingTasks _waiting;
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _running;
    private Pace _pace;

    /// <summary>Creates an empty queue.</summary>
    public TaskQueue(
        TaskStore store, MemoryBudget budget, AttemptRunner attempts, TaskChanges changes, TasksOptions options, TimerQueue<Action> timers,
        CancellationToken stopping)
    {
        (_store, _budget, _attempts, _changes) = (store, budget, attempts, changes);
        (_options, _timers, _stopping) = (options, timers, stopping);
        _limits = new StateLimits(store, options);
        _waiting = new WaitingTasks(store, timers.Clock);
    }

    public void Dispose() => _waiting.Dispose();

    /// <summary>Accepts a task. On return it is on disk, and runs or waits.</summary>
    /// <exception cref="ProblemException"><c>saturated</c>, <c>too-large</c>, <c>storage-failed</c>.</exception>
    public async Task<TaskEntry> AcceptAsync(TaskDefinition definition, RawJson input)
    {
        TaskEntry entry;
        Task committed;
        bool startsNow;
        lock (_store.Gate)
        {
            EnsureRoom(input);
            startsNow = _running < _options.MaxRunning && _waiting.First is null && !_stopping.IsCancellationRequested;
            _running += startsNow ? 1 : 0;

            // The same write records the start of the first attempt, at no cost.
            (entry, committed) = _store.Add(
                sequence => TaskLifecycle.Create(TaskRecord.NewId(), sequence, definition, _timers.Clock.Now) is var created && startsNow
                    ? TaskLifecycle.Begin(created, created.CreatedAt)
                    : created,
                input);
        }

        try
        {
            await committed;
        }
        catch (Exception exception)
        {
            lock (_store.Gate)
            {
                _store.Remove(entry);
                Release(startsNow);
            }

            if (exception is StorageException)
            {
                throw TaskProblems.NotAccepted();
            }

            throw;
        }

        lock (_store.Gate)
        {
            Enter(entry, startsNow, input);
        }

        return entry;
    }

    /// <summary>Takes over the tasks that had not ended when the host ended. Under the gate.</summary>
    public void Resume()
    {
        foreach (var entry in _store.Live.ToArray())
        {
            _changes.TakeOver(entry);
            if (TaskLifecycle.WakeOf(entry.Pending) is { Step: TaskStep.Attempt } wake)
            {
                var maxPause = entry.Pending.Definition.Retry?.Pause(entry.Pending.Attempts) ?? TimeSpan.Zero;
                WaitUntil(entry, entry.Pending.NextAttemptAt is null ? null : _timers.Clock.UptimeAt(wake.At, maxPause));
            }
        }

        StartWaiting();
    }

    /// <summary>Cancels a task. Under the gate.</summary>
    /// <param name="entry">The task.</param>
    /// <param name="committed">
    /// Completes when that is on disk. If it throws a <see cref="StorageException"/>, the work is stopped nevertheless.
    /// </param>
    /// <returns>The task, which is being cancelled; as it had ended before if it had.</returns>
    public TaskRecord Cancel(TaskEntry entry, out Task committed)
    {
        committed = Task.CompletedTask;
        var cancelling = TaskLifecycle.Cancel(entry.Pending);
        if (ReferenceEquals(cancelling, entry.Pending))
        {
            return cancelling;
        }

        // Stored once: if that fails, the caller learns of it.
        committed = _store.CommitAsync(entry, cancelling);
        if (entry.Stop is { } stop)
        {
            // Not Cancel(): it would run the cancellation callbacks of the task here, under the lock.
            _ = stop.CancelAsync();
        }
        else
        {
            _waiting.Remove(entry);
            _ = _changes.After(entry, new AttemptVerdict(AttemptEnd.Cancelled));
        }

        return cancelling;
    }

    /// <summary>Stops running attempts, after the constructor's token was cancelled: no new attempt starts.</summary>
    /// <returns>Completes when no attempt runs.</returns>
    public Task StopAsync()
    {
        lock (_store.Gate)
        {
            foreach (var entry in _store.Live)
            {
                _ = entry.Stop?.CancelAsync();
            }

            if (_running == 0)
            {
                _idle.TrySetResult();
            }
        }

        return _idle.Task;
    }

    private void EnsureRoom(RawJson input)
    {
        if (_store.Queued >= _options.MaxQueued)
        {
            var seconds = Math.Clamp(Math.Ceiling(_pace.SecondsPerItem / _options.MaxRunning), 1, MaxRetryAfterSeconds);
            throw TaskProblems.QueueFull(_options.MaxQueued, (int)seconds);
        }

        _limits.EnsureRoom(input);
    }

    /// <summary>Runs or queues a task whose creation is on disk.</summary>
    private void Enter(TaskEntry entry, bool startsNow, RawJson input)
    {
        switch (entry.Pending.State)
        {
            case TaskState.Running:
                Run(entry, Task.CompletedTask, input);
                break;
            case TaskState.Queued:
                WaitUntil(entry, due: null);
                StartWaiting();
                break;
            default:
                // A caller that lists tasks has already cancelled it.
                Release(startsNow);
                break;
        }
    }

    /// <summary>Queues a task, now or when its next attempt is due.</summary>
    private void WaitUntil(TaskEntry entry, TimeSpan? due)
    {
        if (due is null)
        {
            _waiting.Add(entry);
            return;
        }

        _timers.Add(due.Value, () =>
        {
            lock (_store.Gate)
            {
                if (entry.Pending.State == TaskState.Queued && entry.Waiting is null)
                {
                    WaitUntil(entry, due: null);
                    StartWaiting();
                }
            }
        });
    }

    private void StartWaiting()
    {
        while (_running < _options.MaxRunning && _waiting.First is { } entry && !_stopping.IsCancellationRequested)
        {
            _waiting.Begin(entry);
            _running++;
            Run(entry, _changes.Begin(entry), input: null);
        }
    }

    /// <summary>Starts an attempt in its own execution context, not in that of the caller that freed the slot.</summary>
    private void Run(TaskEntry entry, Task committed, RawJson? input)
    {
        entry.Stop = new CancellationTokenSource();
        if (_stopping.IsCancellationRequested)
        {
            _ = entry.Stop.CancelAsync();
        }

        using (ExecutionContext.SuppressFlow())
        {
            _ = RunAsync(entry, committed, input, entry.Stop.Token);
        }
    }

    private async Task RunAsync(TaskEntry entry, Task committed, RawJson? input, CancellationToken stop)
    {
        // Leaves the caller's lock, and enters a context whose values flow on.
        await Task.Yield();

        // The outcome is in memory until it is on disk.
        using var memory = RequestMemory.Current = _budget.Open();
        var started = _timers.Clock.Uptime;
        var outcome = await _attempts.RunAsync(entry, committed, input, stop);
        Task stored;
        lock (_store.Gate)
        {
            entry.Stop = null;
            _pace.Note(1, _timers.Clock.Uptime - started);
            stored = AfterAttempt(entry, outcome);
            entry.Progress = null;
            Release(isRunning: true);
        }

        await stored;
    }

    /// <summary>Stores what follows an attempt, and queues a retry.</summary>
    /// <param name="entry">The task.</param>
    /// <param name="outcome">The outcome of the attempt; null when it was stopped.</param>
    /// <returns>Completes when the end, if any, is on disk.</returns>
    private Task AfterAttempt(TaskEntry entry, TaskOutcome? outcome)
    {
        var (record, isCancelled) = (entry.Pending, entry.Pending.State == TaskState.Cancelling);
        if (outcome is null && !isCancelled)
        {
            // The host stops: the database says "running", so the next start takes the task over.
            return Task.CompletedTask;
        }

        outcome = outcome is null ? null : _limits.Fit(outcome, entry.InputBytes);
        var verdict = TaskLifecycle.Judge(record.Definition, record.Attempts, isCancelled, outcome);
        var stored = _changes.After(entry, verdict);
        if (verdict.End == AttemptEnd.Retried)
        {
            WaitUntil(entry, _timers.Clock.Uptime + verdict.Pause);
            return Task.CompletedTask;
        }

        return stored;
    }

    /// <summary>Frees a slot for the next task, and completes a stop when no attempt runs any more. Under the gate.</summary>
    /// <param name="isRunning">Whether the task held a slot.</param>
    private void Release(bool isRunning)
    {
        _running -= isRunning ? 1 : 0;
        StartWaiting();
        if (_running == 0 && _stopping.IsCancellationRequested)
        {
            _idle.TrySetResult();
        }
    }
}
