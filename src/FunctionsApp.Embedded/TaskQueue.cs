using System.Diagnostics.Metrics;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
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
    private readonly TaskClock _clock;
    private readonly TasksOptions _options;
    private readonly CancellationToken _stopping;
    private readonly LinkedList<TaskEntry> _waiting = [];
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Meter _meter = new(AppTelemetry.Name);
    private readonly Histogram<double> _wait;
    private int _running;
    private Pace _pace;

    /// <summary>Creates an empty queue.</summary>
    public TaskQueue(
        TaskStore store, AttemptRunner attempts, DeliverySchedule schedule, TaskClock clock, IOptions<TasksOptions> options)
    {
        (_store, _attempts, _schedule, _clock, _options) = (store, attempts, schedule, clock, options.Value);
        _stopping = store.Database.Stopping;
        _wait = _meter.CreateHistogram<double>("functionsapp.task.wait", "s", "The time that tasks waited for their turn.");
        _meter.CreateObservableGauge(
            "functionsapp.task.queue.length", () => store.Queued, "{task}", "Tasks that wait for their turn or a retry.");
    }

    public void Dispose() => _meter.Dispose();

    /// <summary>Accepts a task. On return it is on disk, and runs or waits.</summary>
    /// <returns>The task; null if another one has its idempotency key.</returns>
    /// <exception cref="ProblemException"><c>saturated</c>, <c>too-large</c>, <c>storage-failed</c>.</exception>
    public async Task<TaskRecord?> AcceptAsync(TaskDefinition definition, RawJson input)
    {
        TaskEntry entry;
        Task<bool> storing;
        bool startsNow;
        lock (_store.Gate)
        {
            EnsureRoom(input);
            startsNow = _running < _options.MaxRunning && _waiting.Count == 0 && !_stopping.IsCancellationRequested;
            _running += startsNow ? 1 : 0;

            // The same write records the start of the first attempt, at no cost.
            (entry, storing) = _store.Add(
                sequence => TaskLifecycle.Create(TaskRecord.NewId(), sequence, definition, _clock.Now) is var created && startsNow
                    ? TaskLifecycle.Begin(created, created.CreatedAt)
                    : created,
                input);
        }

        TaskRecord? record = null;
        var isStored = false;
        try
        {
            isStored = await storing;
        }
        catch (StorageException)
        {
            throw TaskProblems.NotAccepted();
        }
        finally
        {
            lock (_store.Gate)
            {
                if (isStored)
                {
                    Enter(entry, startsNow, input);
                    record = entry.View.Record;
                }
                else
                {
                    _store.Remove(entry);
                    Release(startsNow);
                }
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
            _ = _attempts.EndAsync(entry, new AttemptVerdict(AttemptEnd.Cancelled));
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

    /// <summary>Runs or queues a task whose creation is on disk.</summary>
    private void Enter(TaskEntry entry, bool startsNow, RawJson input)
    {
        switch (entry.Pending.State)
        {
            case TaskState.Running:
                Run(entry, Task.CompletedTask, input);
                break;
            case TaskState.Queued:
                Wait(entry);
                StartWaiting();
                break;
            default:
                // A caller that lists tasks has already cancelled it.
                Release(startsNow);
                break;
        }
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

    private void StartWaiting()
    {
        while (_running < _options.MaxRunning && _waiting.First?.Value is { } entry && !_stopping.IsCancellationRequested)
        {
            Leave(entry);
            _wait.Record((_clock.Uptime - entry.WaitsSince).TotalSeconds);
            _running++;
            var begun = _store.ChangeAsync(entry, new TaskChange(TaskLifecycle.Begin(entry.Pending, _clock.Now)));
            Run(entry, begun, input: null);
        }
    }

    /// <summary>Starts an attempt in its own execution context, not in that of the caller that freed the slot.</summary>
    private void Run(TaskEntry entry, Task begun, RawJson? input)
    {
        entry.Stop = new CancellationTokenSource();
        using (ExecutionContext.SuppressFlow())
        {
            _ = RunAsync(entry, begun, input, entry.Stop);
        }
    }

    private async Task RunAsync(TaskEntry entry, Task begun, RawJson? input, CancellationTokenSource stop)
    {
        // Leaves the caller's lock, and enters a context whose values flow on.
        await Task.Yield();
        using var stopping = _stopping.UnsafeRegister(static stop => _ = ((CancellationTokenSource)stop!).CancelAsync(), stop);
        var started = _clock.Uptime;
        await _attempts.RunAsync(entry, begun, input, ended: () =>
        {
            _pace.Note(1, _clock.Uptime - started);
            if (entry.Pending is { State: TaskState.Queued, NextAttemptAt: null })
            {
                Wait(entry);
            }

            Release(isRunning: true);
        }, stop.Token);
    }

    /// <summary>Frees the slot of a task, if it had one, for the next task. Under the gate.</summary>
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
