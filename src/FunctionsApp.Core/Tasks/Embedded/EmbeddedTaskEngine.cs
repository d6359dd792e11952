using System.Diagnostics.Metrics;
using System.Globalization;
using System.Security.Cryptography;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// The task engine that needs nothing but a directory. Every decision is flushed to the disk before anybody is told of it
/// or it is acted on, so after a crash the engine goes on from what it has said.
/// </summary>
internal sealed class EmbeddedTaskEngine : ITaskEngine, IDisposable
{
    /// <summary>Tasks that one page looks at, so that a filter which nothing passes stays cheap.</summary>
    private const int MostListed = 10_000;

    /// <summary>No page begins with a number, which a query would take for one.</summary>
    private const char CursorPrefix = 'p';

    private const int LongestRetryAfterSeconds = 3_600;
    private const int RetryAfterFullSeconds = 60;
    private static readonly TimeSpan ProgressPause = TimeSpan.FromMilliseconds(100);

    private readonly LinkedList<TaskEntry> _waiting = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskStore _store;
    private readonly Lazy<TaskRunner> _runner;
    private readonly WebhookQueue _webhooks;
    private readonly ProblemDescriber _describer;
    private readonly TasksOptions _options;
    private readonly TimeProvider _time;
    private readonly Agenda _agenda;
    private readonly Meter _meter = new(AppTelemetry.Name);
    private readonly Histogram<double> _wait;
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _running;
    private int _queued;
    private Pace _pace;

    /// <summary>Creates the engine; it opens its directory when it is started, and most starts find nothing there to run or to send.</summary>
    public EmbeddedTaskEngine(
        Lazy<TaskRunner> runner, Lazy<WebhookSender> sender, DeliverySchedule schedule, ProblemDescriber describer, IOptions<TasksOptions> options,
        TimeProvider time, ILogger<TaskStore> logger)
    {
        (_runner, _describer, _options, _time) = (runner, describer, options.Value, time);
        _agenda = new Agenda(time);
        _store = new TaskStore(time, logger);
        _webhooks = new WebhookQueue(_store, sender, schedule, _agenda, time, _stopping.Token);
        _wait = _meter.CreateHistogram<double>("functionsapp.task.wait", "s", "How long tasks waited for their turn.");
        _meter.CreateObservableGauge("functionsapp.task.queue.length", () => _queued, "{task}", "Tasks that wait for their turn or their next attempt.");
    }

    private Lock Gate => _store.Gate;

    /// <summary>Opens the directory, and goes on with the tasks in it.</summary>
    /// <exception cref="DirectoryInUseException">Another process uses it: two would run everything twice.</exception>
    public void Start()
    {
        lock (Gate)
        {
            foreach (var entry in _store.Open(_options.Directory))
            {
                Resume(entry);
            }

            StartWaiting();
        }
    }

    /// <summary>Interrupts what runs, and writes what is decided. What was interrupted runs again after the next start.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        lock (Gate)
        {
            foreach (var entry in _store.Below(long.MaxValue))
            {
                _ = entry.Stop?.CancelAsync();
            }

            if (_running == 0)
            {
                _stopped.TrySetResult();
            }
        }

        await _stopped.Task.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _meter.Dispose();
        _agenda.Dispose();
        _webhooks.Dispose();
        _store.Dispose();
    }

    public async Task<TaskRecord> CreateAsync(TaskDefinition definition, RawJson input)
    {
        TaskEntry? entry;
        lock (Gate)
        {
            _store.EnsureOpen();
            if (!_store.TryFindByKey(definition.IdempotencyKey, out entry))
            {
                EnsureRoom(input);
                entry = _store.Add(place => NewRecord(definition, place));
                entry.Created = AcceptAsync(entry, input);
            }
            else if (!string.Equals(entry.Decided.Definition.Fingerprint, definition.Fingerprint, StringComparison.Ordinal))
            {
                throw new ProblemException(Problem.IdempotencyKeyReused());
            }
        }

        await entry.Created;
        lock (Gate)
        {
            return entry.View.Record;
        }
    }

    public ValueTask<TaskView?> FindAsync(string id)
    {
        lock (Gate)
        {
            return new ValueTask<TaskView?>(_store.Find(id)?.View);
        }
    }

    public async ValueTask<TaskView?> WaitAsync(string id, long after, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (Gate)
            {
                if (_store.Find(id) is not { } entry)
                {
                    return null;
                }

                var view = entry.View;
                if (view.Revision > after || view.Record.IsFinished)
                {
                    return view;
                }

                changed = entry.ChangedAsync();
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    public ValueTask<RawJson?> ReadOutcomeAsync(string id)
    {
        TaskEntry? entry;
        lock (Gate)
        {
            entry = _store.Find(id);
            if (entry?.Kept is not { State: TaskState.Succeeded or TaskState.Failed })
            {
                return default;
            }
        }

        try
        {
            // Nothing is no JSON: then the record that had the outcome was damaged, and a later one was not.
            if (_store.Read(entry) is { IsEmpty: false } outcome)
            {
                return new ValueTask<RawJson?>(RawJson.FromUtf8(outcome));
            }
        }
        catch (JournalException)
        {
            // Said below.
        }

        throw new ProblemException(Problem.StorageFailed("What the task came to can no longer be read."));
    }

    public async Task<TaskView?> CancelAsync(string id)
    {
        TaskEntry? entry;
        TaskRecord cancelling;
        Task kept;
        lock (Gate)
        {
            entry = _store.Find(id);
            if (entry is null || entry.Decided.IsFinished || entry.Decided.State == TaskState.Cancelling)
            {
                return entry is null ? null : entry.View with { Record = entry.Decided };
            }

            kept = Commit(entry, entry.Decided with { State = TaskState.Cancelling, NextAttemptAt = null });
            cancelling = entry.Decided;
            if (entry.Stop is null)
            {
                Leave(entry);
                End(entry, TaskState.Cancelled);
            }
            else
            {
                // Not Cancel(): the ends of all that runs for the task would run here, under the lock.
                _ = entry.Stop.CancelAsync();
            }
        }

        try
        {
            await kept;
        }
        catch (JournalException)
        {
            throw new ProblemException(Problem.StorageFailed(
                "The task is being stopped, but that could not be written: should the host end before it can be, the task runs again."));
        }

        lock (Gate)
        {
            return entry.View with { Record = cancelling };
        }
    }

    public ValueTask<TaskPage> ListAsync(TaskQuery query)
    {
        var items = new List<TaskRecord>();
        var below = query.Cursor is null ? long.MaxValue : ParseCursor(query.Cursor);
        var now = _time.GetUtcNow();
        lock (Gate)
        {
            _store.EnsureOpen();
            var looked = 0;
            foreach (var entry in _store.Below(below))
            {
                if (items.Count == query.Limit || looked++ == MostListed)
                {
                    return new ValueTask<TaskPage>(new TaskPage(items, string.Create(CultureInfo.InvariantCulture, $"{CursorPrefix}{below:x}")));
                }

                below = entry.Sequence;
                if (entry.Kept is { } kept && !kept.IsExpired(now)
                    && (query.State is null || kept.State == query.State)
                    && (query.Operation is null || string.Equals(kept.Definition.Operation, query.Operation, StringComparison.Ordinal)))
                {
                    items.Add(entry.View.Record);
                }
            }
        }

        return new ValueTask<TaskPage>(new TaskPage(items, NextCursor: null));
    }

    public async Task<TaskRecord?> RedeliverAsync(string id)
    {
        TaskEntry? entry;
        Task kept;
        lock (Gate)
        {
            entry = _store.Find(id);
            if (entry?.Kept is not { IsFinished: true, Delivery: not null })
            {
                return entry?.Kept;
            }

            kept = _webhooks.SendAgain(entry);
        }

        try
        {
            await kept;
        }
        catch (JournalException)
        {
            throw new ProblemException(Problem.StorageFailed("That the webhook is to be sent again could not be written."));
        }

        lock (Gate)
        {
            return entry.Kept;
        }
    }

    private static long ParseCursor(string cursor) =>
        cursor.StartsWith(CursorPrefix) && long.TryParse(cursor.AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var below) && below > 1
            ? below
            : throw new ProblemException(Problem.InvalidRequest("/cursor", "must be the nextCursor of an earlier page"));

    /// <summary>A task that is about to be accepted. When its turn is now, the attempt is noted with it, at no cost.</summary>
    private TaskRecord NewRecord(TaskDefinition definition, long place)
    {
        var now = _time.GetUtcNow();
        var startsNow = _running < _options.MaxRunning && _waiting.Count == 0 && !_stopping.IsCancellationRequested;
        return new TaskRecord
        {
            Id = RandomNumberGenerator.GetHexString(32, lowercase: true),
            Sequence = place,
            Definition = definition,
            State = startsNow ? TaskState.Running : TaskState.Queued,
            CreatedAt = now,
            StartedAt = startsNow ? now : null,
            Attempts = startsNow ? 1 : 0,
            ExpiresAt = now.AddSeconds(definition.TtlSeconds),
        };
    }

    private void EnsureRoom(RawJson input)
    {
        if (_queued >= _options.MaxQueued)
        {
            var seconds = Math.Clamp(Math.Ceiling(_pace.SecondsPerItem / _options.MaxRunning), 1, LongestRetryAfterSeconds);
            throw new ProblemException(Problem.Saturated(
                string.Create(CultureInfo.InvariantCulture, $"No more than {_options.MaxQueued} tasks may wait (Tasks:MaxQueued)."), (int)seconds));
        }

        if (_store.LiveBytes + input.Utf8.Length > _options.MaxStateBytes)
        {
            throw new ProblemException(Problem.Saturated(
                string.Create(CultureInfo.InvariantCulture, $"The tasks that are kept take {_options.MaxStateBytes} bytes (Tasks:MaxStateBytes)."), RetryAfterFullSeconds));
        }
    }

    /// <summary>Keeps a new task, and starts it or lets it wait.</summary>
    private async Task AcceptAsync(TaskEntry entry, RawJson input)
    {
        var startsNow = entry.Decided.State == TaskState.Running;
        Count(entry.Decided, +1);
        _running += startsNow ? 1 : 0;
        try
        {
            await _store.CommitAsync(entry, entry.Decided, input);
        }
        catch (JournalException)
        {
            lock (Gate)
            {
                Count(entry.Decided, -1);
                _running -= startsNow ? 1 : 0;
                _store.Remove(entry);
                StartWaiting();
            }

            throw new ProblemException(Problem.StorageFailed("The task could not be written to the disk, and has not been accepted."));
        }

        lock (Gate)
        {
            switch (entry.Decided.State)
            {
                case TaskState.Running:
                    Run(entry, Task.CompletedTask, input);
                    return;
                case TaskState.Queued:
                    Wait(entry);
                    break;
                default:
                    // Whoever may list tasks has cancelled it already.
                    _running -= startsNow ? 1 : 0;
                    break;
            }

            StartWaiting();
        }
    }

    /// <summary>Goes on with a task after a restart.</summary>
    private void Resume(TaskEntry entry)
    {
        var record = entry.Decided;
        Count(record, +1);
        if (record.IsFinished)
        {
            AfterEnd(entry);
        }
        else if (record.State == TaskState.Cancelling)
        {
            End(entry, TaskState.Cancelled);
        }
        else if (record.State == TaskState.Running && record.Attempts >= MaxAttempts(record))
        {
            Fail(entry, Problem.Interrupted(string.Create(CultureInfo.InvariantCulture,
                $"The host ended while the task ran, and no attempt is left: there were {record.Attempts} (retry.maxAttempts).")));
        }
        else
        {
            Count(record, -1);
            entry.Requeue();
            Count(entry.Decided, +1);
            Wait(entry);
        }
    }

    private static int MaxAttempts(TaskRecord record) => record.Definition.Retry?.MaxAttempts ?? RetryPolicy.AttemptsByDefault;

    private void Count(TaskRecord record, int by) => _queued += record.State == TaskState.Queued ? by : 0;

    private Task Commit(TaskEntry entry, TaskRecord record)
    {
        Count(entry.Decided, -1);
        Count(record, +1);
        return _store.CommitAsync(entry, record);
    }

    private Task CommitForSure(TaskEntry entry, TaskRecord record, RawJson? payload = null)
    {
        Count(entry.Decided, -1);
        Count(record, +1);
        return _store.CommitForSureAsync(entry, record, payload);
    }

    /// <summary>Lets a task wait for its turn, once the time of its next attempt has come.</summary>
    private void Wait(TaskEntry entry)
    {
        if (entry.Decided.NextAttemptAt is { } due && due > _time.GetUtcNow())
        {
            _agenda.Add(due, () =>
            {
                lock (Gate)
                {
                    if (entry.Decided.State == TaskState.Queued && entry.Waiting is null)
                    {
                        entry.Waiting = _waiting.AddLast(entry);
                        StartWaiting();
                    }
                }
            });
        }
        else
        {
            entry.Waiting = _waiting.AddLast(entry);
        }
    }

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
        while (_running < _options.MaxRunning && _waiting.First is { Value: var entry } && !_stopping.IsCancellationRequested)
        {
            Leave(entry);
            _running++;
            _wait.Record((_time.GetUtcNow() - (entry.Decided.NextAttemptAt ?? entry.Decided.CreatedAt)).TotalSeconds);
            var kept = CommitForSure(entry, entry.Decided with
            {
                State = TaskState.Running,
                StartedAt = entry.Decided.StartedAt ?? _time.GetUtcNow(),
                Attempts = entry.Decided.Attempts + 1,
                NextAttemptAt = null,
            });
            Run(entry, kept, input: null);
        }
    }

    /// <summary>Begins an attempt, in a context of its own and not in that of whoever made room for it.</summary>
    private void Run(TaskEntry entry, Task kept, RawJson? input)
    {
        entry.Stop = new CancellationTokenSource();
        if (_stopping.IsCancellationRequested)
        {
            _ = entry.Stop.CancelAsync();
        }

        using (ExecutionContext.SuppressFlow())
        {
            _ = RunAsync(entry, kept, input, entry.Stop.Token);
        }
    }

    private async Task RunAsync(TaskEntry entry, Task kept, RawJson? input, CancellationToken stop)
    {
        await Task.Yield();
        TaskOutcome? outcome = null;
        var started = _time.GetTimestamp();
        try
        {
            // That the attempt has begun must outlive a crash, or there could be more attempts than there may be.
            await kept.WaitAsync(stop);
            stop.ThrowIfCancellationRequested();
            outcome = await _runner.Value.RunAsync(
                entry.Decided.Definition, input ?? RawJson.FromUtf8(_store.Read(entry)), new ProgressReporter(progress => Note(entry, progress)), stop);
        }
        catch (Exception exception)
        {
            // It was stopped; or its input is lost.
            outcome = stop.IsCancellationRequested ? null : TaskOutcome.Failed(_describer.Describe(exception is JournalException
                ? new ProblemException(Problem.StorageFailed("The input of the task can no longer be read."))
                : exception));
        }

        lock (Gate)
        {
            entry.Stop = null;
            _pace.Note(1, _time.GetElapsedTime(started));
            EndAttempt(entry, outcome);
            entry.Progress = null;
            _running--;
            StartWaiting();
            if (_running == 0 && _stopping.IsCancellationRequested)
            {
                _stopped.TrySetResult();
            }
        }
    }

    /// <summary>Decides how it goes on after an attempt.</summary>
    /// <param name="entry">The task.</param>
    /// <param name="outcome">What the attempt came to; null when it was stopped.</param>
    private void EndAttempt(TaskEntry entry, TaskOutcome? outcome)
    {
        var record = entry.Decided;
        if (record.State == TaskState.Cancelling)
        {
            End(entry, TaskState.Cancelled);
        }
        else if (outcome?.Problem is { } problem)
        {
            if (record.Definition.Retry is { } retry && record.Attempts < retry.MaxAttempts && RetryPolicy.IsWorthwhile(problem))
            {
                _ = CommitForSure(entry, record with { State = TaskState.Queued, NextAttemptAt = _time.GetUtcNow() + retry.Pause(record.Attempts) });
                Wait(entry);
            }
            else
            {
                End(entry, TaskState.Failed, outcome.Value, outcome.IsContinued);
            }
        }
        else if (outcome is not null)
        {
            // It takes the place of the input.
            if (_store.LiveBytes - (entry.Payload?.PayloadLength ?? 0) + outcome.Value.Utf8.Length > _options.MaxStateBytes)
            {
                Fail(entry, Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                    $"The result takes {outcome.Value.Utf8.Length} bytes, for which there is no room (Tasks:MaxStateBytes).")));
            }
            else
            {
                End(entry, TaskState.Succeeded, outcome.Value, outcome.IsContinued);
            }
        }

        // Else the host stops: the record says that it runs, so it will again.
    }

    private void Fail(TaskEntry entry, Problem problem) => End(entry, TaskState.Failed, TaskOutcome.Failed(problem).Value);

    private void End(TaskEntry entry, TaskState state, RawJson? outcome = null, bool isContinued = false)
    {
        var now = _time.GetUtcNow();
        var definition = entry.Decided.Definition;
        var url = isContinued ? null : state == TaskState.Succeeded ? definition.OnSuccess : definition.OnError;
        var kept = CommitForSure(entry, entry.Decided with
        {
            State = state,
            FinishedAt = now,
            NextAttemptAt = null,
            Progress = entry.Progress,
            ExpiresAt = now.AddSeconds(definition.TtlSeconds),
            Delivery = url is null ? null : _webhooks.New(url, now),
        }, outcome);
        _ = EndedAsync();

        async Task EndedAsync()
        {
            await kept;
            lock (Gate)
            {
                AfterEnd(entry);
            }
        }
    }

    /// <summary>Sees to what is left of a task that has ended: its webhook, and that it is forgotten.</summary>
    private void AfterEnd(TaskEntry entry)
    {
        _webhooks.Plan(entry);
        ForgetWhenExpired(entry);
    }

    private void ForgetWhenExpired(TaskEntry entry)
    {
        var now = _time.GetUtcNow();
        if (entry.Decided.IsExpired(now))
        {
            _store.Remove(entry);
            return;
        }

        // A webhook that is still to be sent keeps it; then it is looked at again in a minute.
        var due = entry.Decided.ExpiresAt > now ? entry.Decided.ExpiresAt : now.AddMinutes(1);
        _agenda.Add(due, () =>
        {
            lock (Gate)
            {
                ForgetWhenExpired(entry);
            }
        });
    }

    /// <summary>Takes note of progress, and tells those who wait for changes, but not too often.</summary>
    private void Note(TaskEntry entry, Progress progress)
    {
        lock (Gate)
        {
            entry.Progress = progress;
            if (entry.IsProgressDue)
            {
                return;
            }

            entry.IsProgressDue = true;
        }

        _agenda.Add(_time.GetUtcNow() + ProgressPause, () =>
        {
            lock (Gate)
            {
                entry.AnnounceProgress();
            }
        });
    }
}
