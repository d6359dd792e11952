using System.Buffers.Text;
using System.Text;
using Azure;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Orchestration;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable;

/// <summary>
/// The task engine of any number of processes that share a storage account. A task is an orchestration; this is its client, which
/// creates, reads, cancels and lists tasks whichever process runs them.
/// </summary>
internal sealed partial class DurableTaskEngine : ITaskEngine
{
    /// <summary>A cursor that starts with a digit would be parsed as a number.</summary>
    private const char CursorPrefix = 'd';

    /// <summary>Pages of the task hub that one page of a list may take: a filter may leave nothing of them.</summary>
    private const int MaxPages = 10;

    /// <summary>Tasks of a page that are read at once.</summary>
    private const int Concurrency = 16;

    /// <summary>Smaller outcomes are read at once.</summary>
    private const int MinStoredBytes = 64 * 1024;

    /// <summary>How long a request may wait for storage.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The age of an idempotency key after which the process that took it has created its task, or never will.</summary>
    private static readonly TimeSpan Abandoned = Patience + TimeSpan.FromSeconds(5);

    private static readonly TimeSpan KeyPause = TimeSpan.FromMilliseconds(100);

    private readonly TaskHub _hub;
    private readonly StorageUse _use;
    private readonly DeliverySchedule _schedule;
    private readonly TaskWatcher _watcher;
    private readonly TimeProvider _time;
    private readonly ILogger<DurableTaskEngine> _logger;
    private volatile bool _isFailing;

    public DurableTaskEngine(TaskHub hub, StorageUse use, DeliverySchedule schedule, TimeProvider time, ILogger<DurableTaskEngine> logger)
    {
        (_hub, _use, _schedule, _time, _logger) = (hub, use, schedule, time, logger);
        _watcher = new TaskWatcher(ReadAsync, time);
    }

    public string Name => "durable";

    public Task<TaskRecord> CreateAsync(TaskDefinition definition, RawJson input) => GuardAsync(
        async stop =>
        {
            await _hub.EnsureCreatedAsync().WaitAsync(stop);
            return definition.IdempotencyKey is { } key ? await CreateOnceAsync(key, definition, input, stop) : await AcceptAsync(TaskRecord.NewId(), definition, input, stop);
        },
        "The task could not be stored, and has not been accepted.",
        definition.IdempotencyKey is null ? Patience : Patience + Abandoned);

    public async ValueTask<TaskView?> FindAsync(string id) => IsId(id) ? await GuardAsync(_ => ReadAsync(id), "The task cannot be read.") : null;

    public async ValueTask<TaskView?> WaitAsync(string id, long after, CancellationToken cancellationToken)
    {
        try
        {
            return IsId(id) ? await _watcher.NextAsync(id, after, cancellationToken) : null;
        }
        catch (Exception exception) when (IsOfStorage(exception) && !cancellationToken.IsCancellationRequested)
        {
            throw Fail(exception, "The task cannot be read.");
        }
    }

    public async ValueTask<RawJson?> ReadOutcomeAsync(string id) => !IsId(id) ? null : await GuardAsync<RawJson?>(
        async stop => await FindStatusAsync(id) is not { Status: { } status } ? null
            : status.Problem ?? (status.State is not (TaskState.Succeeded or TaskState.Failed) ? null
            : status.OutcomeBytes > MinStoredBytes ? _hub.Blobs.StoredOutcome(id, status.Attempts, status.OutcomeBytes)
            : await _hub.Blobs.ReadOutcomeAsync(id, status.Attempts, stop)),
        "The outcome of the task cannot be read.");

    public async Task<TaskView?> CancelAsync(string id) => !IsId(id) ? null : await GuardAsync(
        async stop =>
        {
            var found = await ReadAsync(id);
            if (found is not { Record.IsFinished: false } view)
            {
                return found;
            }

            var now = _time.GetUtcNow();
            var isFirst = false;
            var (state, _) = await _hub.Blobs.ChangeStateAsync(
                id,
                known: null,
                state =>
                {
                    isFirst = state is { IsDone: false, CancelledAt: null };
                    return isFirst ? state with { CancelledAt = now } : null;
                },
                stop);
            if (state.IsDone)
            {
                // The work is done, and its end is about to be recorded.
                while (view is { Record.IsFinished: false })
                {
                    view = await _watcher.NextAsync(id, view.Revision, stop) ?? throw new ProblemException(Problem.UnknownTask());
                }

                return view;
            }

            // The process that stored an earlier request may have died before it sent the event.
            if (isFirst || now - state.CancelledAt > Patience)
            {
                await _hub.RaiseAsync(id, TaskNames.Cancel, new CancelEvent(state.Runner is null ? 0 : state.Call)).WaitAsync(stop);
            }

            return view with { Record = view.Record with { State = TaskState.Cancelling, NextAttemptAt = null } };
        },
        "Whether the task is cancelled is not known: storage cannot be reached.");

    public async ValueTask<TaskPage> ListAsync(TaskQuery query)
    {
        var continuation = query.Cursor is null ? null : ParseCursor(query.Cursor);
        return await GuardAsync(
            async stop =>
            {
                await _hub.EnsureCreatedAsync().WaitAsync(stop);
                var found = new List<TaskRecord>();
                for (var pages = 0; pages < MaxPages && found.Count < query.Limit; pages++)
                {
                    var page = await QueryAsync(query.Limit - found.Count, continuation, stop);
                    var records = page.Records.Where(record => !record.IsExpired(_time.GetUtcNow())
                        && (query.State is null || record.State == query.State)
                        && (query.Operation is null || string.Equals(record.Definition.Operation, query.Operation, StringComparison.Ordinal)));
                    found.AddRange(records);
                    continuation = page.Continuation;
                    if (continuation is null)
                    {
                        break;
                    }
                }

                return new TaskPage([.. found.OrderByDescending(static record => record.CreatedAt)], continuation is null ? null : CursorOf(continuation));
            },
            "The tasks cannot be listed.");
    }

    public async Task<TaskRecord?> RedeliverAsync(string id) => !IsId(id) ? null : await GuardAsync(
        async stop =>
        {
            if (await ReadAsync(id) is not { } view)
            {
                return null;
            }

            // One that is due is in flight already.
            var now = _time.GetUtcNow();
            if (view.Record is { IsFinished: true, Delivery: { } delivery } && !(delivery.State == DeliveryState.Pending && delivery.NextAttemptAt <= now))
            {
                await _hub.RaiseAsync(id, TaskNames.Redeliver, true).WaitAsync(stop);
                return view.Record with { Delivery = delivery with { State = DeliveryState.Pending, NextAttemptAt = now } };
            }

            return view.Record;
        },
        "That the webhook is to be sent again could not be stored.");

    public void EnsureReady()
    {
        if (_isFailing)
        {
            throw new ProblemException(Problem.StorageFailed("New tasks cannot be stored: the storage account of the tasks cannot be reached; the log says why."));
        }
    }

    /// <summary>Whether storage failed when it was last used.</summary>
    internal bool IsFailing => _isFailing;

    /// <summary>Notes whether storage works, as the worker sees it.</summary>
    /// <param name="failure">Why it does not; null if it does.</param>
    internal void Note(Exception? failure)
    {
        if (failure is not null && !_isFailing)
        {
            _isFailing = true;
            LogUnavailable(_logger, failure.GetBaseException().Message);
        }
        else if (failure is null && _isFailing)
        {
            _isFailing = false;
            LogAvailable(_logger);
        }
    }

    /// <summary>Whether a text of a caller is an id: nothing else must get into the names of storage.</summary>
    private static bool IsId(string id) => id.Length == TaskRecord.IdLength && id.All(char.IsAsciiHexDigitLower);

    /// <summary>Whether an exception comes from storage: the clients and the framework throw many kinds.</summary>
    private static bool IsOfStorage(Exception exception) => exception is not ProblemException;

    private static string CursorOf(string continuation) => CursorPrefix + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(continuation));

    private static string ParseCursor(string cursor)
    {
        try
        {
            if (cursor.StartsWith(CursorPrefix) && cursor.Length > 1)
            {
                return Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor.AsSpan(1)));
            }
        }
        catch (FormatException)
        {
            // As any other text that is no cursor.
        }

        throw InvalidCursor();
    }

    private static ProblemException InvalidCursor() => new(Problem.InvalidRequest("/cursor", "must be the nextCursor of an earlier page"));

    /// <summary>Creates the task of an idempotency key, or finds it: several processes may be asked at once.</summary>
    private async Task<TaskRecord> CreateOnceAsync(string key, TaskDefinition definition, RawJson input, CancellationToken stop)
    {
        KeyEntry? abandoned = null;
        while (true)
        {
            var mine = new KeyEntry(TaskRecord.NewId(), _time.GetUtcNow(), definition.Fingerprint);
            var taken = await _hub.Blobs.TakeKeyAsync(key, mine, abandoned, stop);
            if (taken == mine)
            {
                try
                {
                    return await AcceptAsync(mine.Id, definition, input, stop);
                }
                catch (ProblemException)
                {
                    // There is no room, so there will be no task.
                    await _hub.Blobs.FreeKeyAsync(key, mine.Id, stop);
                    throw;
                }
            }

            if (await ReadAsync(taken.Id) is { } view)
            {
                return string.Equals(taken.Fingerprint, definition.Fingerprint, StringComparison.Ordinal)
                    ? view.Record
                    : throw new ProblemException(Problem.IdempotencyKeyReused());
            }

            // The other process creates the task just now, or has died, or the task has expired.
            abandoned = _time.GetUtcNow() - taken.CreatedAt > Abandoned ? taken : null;
            if (abandoned is null)
            {
                await Task.Delay(KeyPause, _time, stop);
            }
        }
    }

    private async Task<TaskRecord> AcceptAsync(string id, TaskDefinition definition, RawJson input, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        await _use.AddAsync(input.Utf8.Length, patience.Token);
        await _hub.Blobs.WriteInputAsync(id, input, patience.Token);
        var now = _time.GetUtcNow();
        var start = new TaskStart(definition, now, input.Utf8.Length, (_schedule.Due(1, now, retryAfter: null)!.Value - now).TotalSeconds);
        await _hub.StartAsync(id, start).WaitAsync(patience.Token);
        return TaskRecords.RecordOf(id, start, status: null, attempts: null);
    }

    private async Task<TaskView?> ReadAsync(string id)
    {
        if (await FindStatusAsync(id) is not { } found)
        {
            return null;
        }

        var view = await ViewAsync(id, found.Start, found.Status, CancellationToken.None);
        return view.Record.IsExpired(_time.GetUtcNow()) ? null : view;
    }

    /// <summary>Puts a task together. After its end it has no attempt whose state would have to be read.</summary>
    private async Task<TaskView> ViewAsync(string id, TaskStart start, DurableStatus? status, CancellationToken stop) => TaskRecords.ViewOf(
        id, start, status, status is { State: not TaskState.Queued } ? null : (await _hub.Blobs.ReadStateAsync(id, stop)).State);

    /// <summary>Reads the definition and the status of a task; null if it does not exist.</summary>
    private async Task<(TaskStart Start, DurableStatus? Status)?> FindStatusAsync(string id)
    {
        await _hub.EnsureCreatedAsync();
        return await _hub.FindAsync(id) is { } instance && TaskHub.IsKept(instance) ? TaskHub.Parse(instance) : null;
    }

    private async Task<(IReadOnlyList<TaskRecord> Records, string? Continuation)> QueryAsync(int limit, string? continuation, CancellationToken stop)
    {
        DurableTask.AzureStorage.DurableStatusQueryResult page;
        try
        {
            page = await _hub.ListAsync(limit, continuation, stop);
        }
        catch (Exception exception) when (continuation is not null && exception.GetBaseException() is RequestFailedException { Status: 400 } or FormatException)
        {
            throw InvalidCursor();
        }

        var records = new TaskRecord[page.OrchestrationState.Count()];
        await Parallel.ForEachAsync(
            page.OrchestrationState.Select(static (instance, index) => (instance, index)),
            new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = stop },
            async (item, token) =>
            {
                var id = item.instance.OrchestrationInstance.InstanceId;
                var (start, status) = TaskHub.Parse(item.instance);
                records[item.index] = (await ViewAsync(id, start, status, token)).Record;
            });
        return (records, page.ContinuationToken);
    }

    /// <summary>Bounds the time of a request, and reports failures of storage as such.</summary>
    private async Task<T> GuardAsync<T>(Func<CancellationToken, Task<T>> run, string failure, TimeSpan? patience = null)
    {
        using var stop = new CancellationTokenSource(patience ?? Patience, _time);
        try
        {
            var result = await run(stop.Token).WaitAsync(stop.Token);
            Note(failure: null);
            return result;
        }
        catch (Exception exception) when (IsOfStorage(exception))
        {
            throw Fail(exception, failure);
        }
    }

    private ProblemException Fail(Exception exception, string failure)
    {
        Note(exception);
        return new ProblemException(Problem.StorageFailed(failure));
    }

    [LoggerMessage(EventId = 30, Level = LogLevel.Error, Message = "The storage account of the tasks cannot be reached, so tasks are refused: {Reason}")]
    private static partial void LogUnavailable(ILogger logger, string reason);

    [LoggerMessage(EventId = 31, Level = LogLevel.Information, Message = "The storage account of the tasks can be reached again, and tasks are accepted")]
    private static partial void LogAvailable(ILogger logger);
}
