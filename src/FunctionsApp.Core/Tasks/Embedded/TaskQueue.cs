using System.Diagnostics.Metrics;
using System.Globalization;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// Admits tasks, runs <see cref="TasksOptions.MaxRunning"/> of them at once and queues the others in order. Decides how each
/// continues after an attempt. Members that say so are called under the store's gate.
/// </summary>
internal sealed class TaskQueue(
    TaskStore store, MemoryBudget budget, AttemptRunner attempts, TaskCompletion completion, TasksOptions options,
    TimerQueue<Action> timers, TaskClock clock, Histogram<double> wait, CancellationToken stopping)
{
    private const int MaxRetryAfterSeconds = 3_600;
    private const int RetryAfterFullSeconds = 60;

    private readonly LinkedList<TaskEntry> _waiting = [];
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _running;
    private Pace _pace;

    /// <summary>Accepts a task. On return it is on disk, and runs or waits.</summary>
    /// <exception cref="ProblemException"><c>saturated</c>, <c>too-large</c>, <c>storage-failed</c>.</exception>
    public async Task<TaskEntry> AcceptAsync(TaskDefinition definition, RawJson input)
    {
        TaskEntry entry;
        Task committed;
        bool startsNow;
        lock (store.Gate)
        {
            EnsureRoom(input);
            startsNow = _running < options.MaxRunning && _waiting.Count == 0 && !stopping.IsCancellationRequested;
            _running += startsNow ? 1 : 0;
            (entry, committed) = store.Add(sequence => TaskRecord.New(definition, sequence, clock.Now, startsNow), input);
        }

        try
        {
            await committed;
        }
        catch (Exception exception)
        {
            lock (store.Gate)
            {
                store.Remove(entry);
                Release(startsNow);
            }

            if (exception is StorageException)
            {
                throw new ProblemException(Problem.StorageFailed("The task could not be written to the disk, and has not been accepted."));
            }

            throw;
        }

        lock (store.Gate)
        {
            if (entry.Pending.State == TaskState.Running)
            {
                Run(entry, Task.CompletedTask, input);
                return entry;
            }

            if (entry.Pending.State == TaskState.Queued)
            {
                Wait(entry);
                StartWaiting();
            }
            else
            {
                // A caller that lists tasks has already cancelled it.
                Release(startsNow);
            }
        }

        return entry;
    }

    /// <summary>Resumes the tasks that had not ended when the host ended. Under the gate.</summary>
    public void Resume()
    {
        foreach (var entry in store.Live.ToArray())
        {
            var record = entry.Pending;
            if (record.Flaw is not null)
            {
                _ = completion.Fail(entry, TaskRecord.Unreadable());

                // It has failed already, whatever the disk says until then.
                entry.Commit(entry.Pending);
            }
            else if (record.State == TaskState.Cancelling)
            {
                _ = completion.End(entry, TaskState.Cancelled);
            }
            else if (record.State == TaskState.Running && record.Attempts >= record.Definition.MaxAttempts)
            {
                _ = completion.Fail(entry, TaskDefinition.Interrupted(record.Attempts));
            }
            else
            {
                if (record.State == TaskState.Running)
                {
                    _ = store.CommitWithRetryAsync(entry, record with { State = TaskState.Queued });

                    // No attempt runs, whatever the disk says until then. A host that reads "running" again does the same.
                    entry.Commit(entry.Pending);
                }

                if (record.NextAttemptAt is { } at)
                {
                    Wait(entry, clock.UptimeAt(at, record.Definition.Retry?.Pause(record.Attempts) ?? TimeSpan.Zero));
                }
                else
                {
                    Wait(entry);
                }
            }
        }

        StartWaiting();
    }

    /// <summary>Removes a task from the queue. Under the gate.</summary>
    public void Leave(TaskEntry entry)
    {
        if (entry.Waiting is { } place)
        {
            _waiting.Remove(place);
            entry.Waiting = null;
        }
    }

    /// <summary>Stops running attempts, after the constructor's token was cancelled: no new attempt starts.</summary>
    /// <returns>Completes when no attempt runs.</returns>
    public Task StopAsync()
    {
        lock (store.Gate)
        {
            foreach (var entry in store.Live)
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
        if (store.Queued >= options.MaxQueued)
        {
            var seconds = Math.Clamp(Math.Ceiling(_pace.SecondsPerItem / options.MaxRunning), 1, MaxRetryAfterSeconds);
            throw new ProblemException(Problem.Saturated(
                string.Create(CultureInfo.InvariantCulture, $"The task queue has its maximum of {options.MaxQueued} tasks (Tasks:MaxQueued)."), (int)seconds));
        }

        if (input.Utf8.Length > TaskStore.MaxPayloadBytes)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture, $"An input of a task has at most {TaskStore.MaxPayloadBytes} bytes.")));
        }

        if (store.UsedBytes + input.Utf8.Length > options.MaxStateBytes)
        {
            throw new ProblemException(Problem.Saturated(
                string.Create(CultureInfo.InvariantCulture, $"The stored tasks take the maximum of {options.MaxStateBytes} bytes (Tasks:MaxStateBytes)."), RetryAfterFullSeconds));
        }
    }

    private void Wait(TaskEntry entry)
    {
        entry.Waiting = _waiting.AddLast(entry);
        entry.WaitsSince = clock.Uptime;
    }

    /// <summary>Queues a task when its next attempt is due.</summary>
    private void Wait(TaskEntry entry, TimeSpan due) => timers.Add(due, () =>
    {
        lock (store.Gate)
        {
            if (entry.Pending.State == TaskState.Queued && entry.Waiting is null)
            {
                Wait(entry);
                StartWaiting();
            }
        }
    });

    private void StartWaiting()
    {
        while (_running < options.MaxRunning && _waiting.First is { Value: var entry } && !stopping.IsCancellationRequested)
        {
            Leave(entry);
            _running++;
            wait.Record((clock.Uptime - entry.WaitsSince).TotalSeconds);
            var committed = store.CommitWithRetryAsync(entry, entry.Pending with
            {
                State = TaskState.Running,
                StartedAt = entry.Pending.StartedAt ?? entry.Pending.NotBefore(clock.Now),
                Attempts = entry.Pending.Attempts + 1,
                NextAttemptAt = null,
            });
            Run(entry, committed, input: null);
        }
    }

    /// <summary>Starts an attempt in its own execution context, not in that of the caller that freed the slot.</summary>
    private void Run(TaskEntry entry, Task committed, RawJson? input)
    {
        entry.Stop = new CancellationTokenSource();
        if (stopping.IsCancellationRequested)
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
        using var memory = RequestMemory.Current = budget.Open();
        var started = clock.Uptime;
        var outcome = await attempts.RunAsync(entry, committed, input, stop);
        Task ended;
        lock (store.Gate)
        {
            entry.Stop = null;
            _pace.Note(1, clock.Uptime - started);
            ended = GoOn(entry, outcome);
            entry.Progress = null;
            Release(isRunning: true);
        }

        await ended;
    }

    /// <summary>Frees a slot for the next task, and completes a stop when no attempt runs any more. Under the gate.</summary>
    /// <param name="isRunning">Whether the task held a slot.</param>
    private void Release(bool isRunning)
    {
        _running -= isRunning ? 1 : 0;
        StartWaiting();
        if (_running == 0 && stopping.IsCancellationRequested)
        {
            _idle.TrySetResult();
        }
    }

    /// <summary>Decides how a task continues after an attempt.</summary>
    /// <param name="entry">The task.</param>
    /// <param name="outcome">The outcome of the attempt; null when it was stopped.</param>
    /// <returns>Completes when the end, if any, is on disk.</returns>
    private Task GoOn(TaskEntry entry, TaskOutcome? outcome)
    {
        var record = entry.Pending;
        if (record.State == TaskState.Cancelling)
        {
            return completion.End(entry, TaskState.Cancelled);
        }
        else if (outcome?.Problem is { } problem)
        {
            if (record.Definition.PauseAfter(problem, record.Attempts) is { } pause)
            {
                _ = store.CommitWithRetryAsync(entry, record with { State = TaskState.Queued, NextAttemptAt = clock.Now + pause });
                Wait(entry, clock.Uptime + pause);
            }
            else
            {
                return completion.End(entry, TaskState.Failed, outcome.Value, outcome.IsContinued);
            }
        }
        else if (outcome is { Value.Utf8.Length: var bytes })
        {
            // The result replaces the input.
            if (bytes > TaskStore.MaxPayloadBytes || store.UsedBytes - entry.InputBytes + bytes > options.MaxStateBytes)
            {
                return completion.Fail(entry, Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                    $"There is no space for the result of {bytes} bytes (Tasks:MaxStateBytes).")));
            }
            else
            {
                return completion.End(entry, TaskState.Succeeded, outcome.Value, outcome.IsContinued);
            }
        }

        // The task has not ended. An attempt without an outcome means that the host stops: the database says "running", so the task runs again.
        return Task.CompletedTask;
    }
}
