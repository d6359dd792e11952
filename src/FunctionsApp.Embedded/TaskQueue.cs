using System.Diagnostics.Metrics;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Telemetry;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Embedded;

/// <summary>
/// Admits tasks, runs <see cref="TasksOptions.MaxRunning"/> of them at once and queues the others in order. Members that say so are
/// called under the store's gate.
/// </summary>
internal sealed class TaskQueue : IDisposable
{
    private const int MaxRetryAfterSeconds = 3_600;

    private readonly TaskStore _store;
    private readonly AttemptRunner _attempts;
    private readonly DeliverySchedule _schedule;
    private readonly MemoryBudget _budget;
    private readonly TaskClock _clock;
    private readonly TasksOptions _options;
    private readonly CancellationToken _stopping;
    private readonly LinkedList<TaskEntry> _waiting = [];
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Meter _meter = new(AppTelemetry.Name);
    private int _running;
    private Pace _pace;

    /// <summary>Creates an empty queue.</summary>
    public TaskQueue(
        TaskStore store, AttemptRunner attempts, DeliverySchedule schedule, MemoryBudget budget, TaskClock clock,
        IOptions<TasksOptions> options)
    {
        (_store, _attempts, _schedule, _budget, _clock, _options) = (store, attempts, schedule, budget, clock, options.Value);
        _stopping = store.Database.Stopping;
        _meter.CreateObservableGauge(
            "functionsapp.task.queue.length", () => store.Queued, "{task}", "Tasks that wait for their turn or a retry.");
    }

    public void Dispose() => _meter.Dispose();

    /// <summary>Accepts a task. On return it is on disk, and runs or waits.</summary>
    /// <exception cref="ProblemException"><c>saturated</c>, <c>too-large</c>, <c>storage-failed</c>.</exception>
    public async Task<TaskRecord> AcceptAsync(TaskDefinition definition, RawJson input)
    {
        TaskRecord record;
        Task<TaskEntry> adding;
        lock (_store.Gate)
        {
            EnsureRoom(input);
            record = TaskLifecycle.Create(TaskRecord.NewId(), _store.NextSequence(), definition, _clock.Now);
            if (_running < _options.MaxRunning && _waiting.Count == 0 && !_stopping.IsCancellationRequested)
            {
                // The same write records the start of the first attempt, at no cost.
                record = TaskLifecycle.Begin(record, record.CreatedAt);
                _running++;
            }

            adding = _store.AddAsync(record, input);
        }

        var startsNow = record.State == TaskState.Running;
        TaskEntry? entry = null;
        try
        {
            entry = await adding;
        }
        finally
        {
            lock (_store.Gate)
            {
                entry?.Commit(record);
                if (entry is null)
                {
                    _running -= startsNow ? 1 : 0;
                }
                else if (startsNow)
                {
                    Run(entry, begun: Task.CompletedTask, input);
                }
                else
                {
                    Wait(entry);
                }

                StartWaiting();
            }
        }

        return record;
    }

    /// <summary>Takes over the tasks that had not ended when the host ended. Under the gate.</summary>
    public void Resume()
    {
        foreach (var entry in _store.Live.ToArray())
        {
            var change = TaskLifecycle.Interrupt(entry.Pending, _clock.Now, _schedule.PauseBeforeFirst());
            var record = change.Record;
            if (!ReferenceEquals(record, entry.Pending))
            {
                var isVisible = record.State == TaskState.Queued || entry.Pending.Flaw is not null;
                _ = _store.ChangeAsync(entry, change);
                if (isVisible)
                {
                    // No attempt runs, whatever the disk says until the change is there.
                    entry.Commit(record);
                }
            }

            if (record is { State: TaskState.Queued, NextAttemptAt: null })
            {
                Wait(entry);
            }
        }

        StartWaiting();
    }

    /// <summary>Queues a task whose pause before its next attempt is over, unless it has changed since.</summary>
    public void EnterAgain(TaskRecord record)
    {
        lock (_store.Gate)
        {
            if (_store.FindLive(record.Id) is { Waiting: null } entry && entry.Pending.Version == record.Version)
            {
                Wait(entry);
                StartWaiting();
            }
        }
    }

    /// <summary>Cancels a task. Under the gate.</summary>
    /// <returns>
    /// The task, which is being cancelled, and the write of that; as it had ended before if it had. If the write throws a
    /// <see cref="StorageException"/>, the work is stopped nevertheless.
    /// </returns>
    public (TaskView View, Task Stored) Cancel(TaskEntry entry)
    {
        var cancelling = TaskLifecycle.Cancel(entry.Pending);
        var view = entry.View with { Record = cancelling };
        if (ReferenceEquals(cancelling, entry.Pending))
        {
            return (view, Task.CompletedTask);
        }

        // Without retries: if that fails, the caller learns of it.
        var stored = _store.ChangeAsync(entry, new TaskChange(cancelling), retries: false);
        if (entry.Stop is { } stop)
        {
            // Not Cancel(): it would run the cancellation callbacks of the task here, under the lock.
            _ = stop.CancelAsync();
        }
        else
        {
            Leave(entry);
            var ended = TaskLifecycle.After(
                cancelling, new AttemptVerdict(AttemptEnd.Cancelled), _clock.Now, _schedule.PauseBeforeFirst());
            _ = _store.ChangeAsync(entry, ended);
        }

        return (view, stored);
    }

    /// <summary>Completes when no attempt runs any more, after <see cref="DatabaseAccess.Stopping"/> was cancelled.</summary>
    public Task WhenIdleAsync()
    {
        lock (_store.Gate)
        {
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

        _store.Database.EnsureRoom(input.Utf8.Length);
    }

    private void Wait(TaskEntry entry) => (entry.Waiting, entry.WaitsSince) = (_waiting.AddLast(entry), _clock.Uptime);

    private void Leave(TaskEntry entry)
    {
        if (entry.Waiting is { } place)
        {
            _waiting.Remove(place);
            entry.Waiting = null;
        }
    }

    /// <summary>Starts attempts while a slot is free. Under the gate.</summary>
    private void StartWaiting()
    {
        while (_running < _options.MaxRunning && _waiting.First?.Value is { } entry && !_stopping.IsCancellationRequested)
        {
            Leave(entry);
            AppTelemetry.TaskWait.Record((_clock.Uptime - entry.WaitsSince).TotalSeconds);
            _running++;
            var begun = _store.ChangeAsync(entry, new TaskChange(TaskLifecycle.Begin(entry.Pending, _clock.Now)));
            Run(entry, begun, input: null);
        }

        if (_running == 0 && _stopping.IsCancellationRequested)
        {
            _idle.TrySetResult();
        }
    }

    /// <summary>Starts an attempt, in its own execution context: not in that of a request, or of what has freed the slot.</summary>
    private void Run(TaskEntry entry, Task begun, RawJson? input)
    {
        using (ExecutionContext.SuppressFlow())
        {
            _ = RunAsync(entry, begun, input);
        }
    }

    /// <summary>Makes an attempt, from the end of the caller's lock on.</summary>
    private async Task RunAsync(TaskEntry entry, Task begun, RawJson? input)
    {
        var stop = entry.Stop = new CancellationTokenSource();
        await Task.Yield();
        using var stopping = _stopping.UnsafeRegister(static stop => _ = ((CancellationTokenSource)stop!).CancelAsync(), stop);
        var started = _clock.Uptime;

        // The outcome is in memory until it is on disk.
        using var memory = RequestMemory.Current = _budget.Open();
        var outcome = await _attempts.RunAsync(entry, begun, input, memory, stop.Token);
        var stored = Task.CompletedTask;
        lock (_store.Gate)
        {
            entry.Stop = null;
            _pace.Note(1, _clock.Uptime - started);
            var isCancelled = entry.Pending.State == TaskState.Cancelling;
            if (outcome is not null || isCancelled)
            {
                var record = entry.Pending with { Progress = entry.Progress };
                var verdict = TaskLifecycle.Judge(record.Definition, record.Attempts, isCancelled, WithRoom(entry, outcome));
                stored = _store.ChangeAsync(entry, TaskLifecycle.After(record, verdict, _clock.Now, _schedule.PauseBeforeFirst()));
            }

            // Otherwise the host stops: the database says "running", so the next start takes the task over.
            entry.Progress = null;
            if (entry.Pending is { State: TaskState.Queued, NextAttemptAt: null })
            {
                Wait(entry);
            }

            _running--;
            StartWaiting();
        }

        await stored;
    }

    /// <summary>Returns the outcome, or a problem if there is no room for it.</summary>
    private TaskOutcome? WithRoom(TaskEntry entry, TaskOutcome? outcome) =>
        outcome is { Problem: null, Value.Utf8.Length: var bytes } && !_store.Database.HasRoom(bytes, entry.InputBytes)
            ? TaskOutcome.Failed(TaskProblems.NoRoomForResult(bytes))
            : outcome;
}
