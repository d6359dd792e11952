using Azure;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable.Client;

/// <summary>
/// The task engine of any number of processes that share a storage account. A task is an orchestration. This class is the client: it
/// creates, reads, cancels and lists tasks, whichever process runs them.
/// </summary>
internal sealed partial class DurableTaskEngine : ITaskEngine, IDisposable
{
    /// <summary>The maximum number of pages of the hub that are read for one page of a list: a filter may exclude all of them.</summary>
    private const int MaxPages = 10;

    /// <summary>The number of tasks of a page that are read at once.</summary>
    private const int Concurrency = 4;

    /// <summary>Larger outcomes are read in parts while they are sent.</summary>
    private const int MinStoredBytes = 64 * 1024;

    /// <summary>How long a request may wait for storage.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly TaskHub _hub;
    private readonly TaskReader _reader;
    private readonly TaskCreation _creation;
    private readonly TaskWatcher _watcher;
    private readonly SharedReads _reads;
    private readonly TimeProvider _time;
    private readonly ILogger<DurableTaskEngine> _logger;

    public DurableTaskEngine(TaskHub hub, TaskReader reader, TaskCreation creation, TimeProvider time, ILogger<DurableTaskEngine> logger)
    {
        (_hub, _reader, _creation, _time, _logger) = (hub, reader, creation, time, logger);
        _watcher = new TaskWatcher(ReadAsync, time);
        _reads = new SharedReads(ReadAsync);
    }

    public string Name => "durable";

    public async Task<TaskRecord> CreateAsync(TaskDefinition definition, RawJson input)
    {
        using var stop = new CancellationTokenSource(TaskCreation.PatienceOf(definition, input), _time);
        string? sent = null;
        var creating = _creation.CreateAsync(definition, input, id => Volatile.Write(ref sent, id), stop.Token);
        return await GuardAsync(
            creating, () => sent is null ? TaskProblems.NotAccepted().Problem : UnknownOutcome(sent, definition), stop.Token);
    }

    public async ValueTask<TaskView?> FindAsync(string id) =>
        IsId(id) ? await GuardAsync(_ => _reads.ReadAsync(id), "The task cannot be read.") : null;

    public async ValueTask<TaskView?> WaitAsync(string id, long after, CancellationToken cancellationToken)
    {
        try
        {
            return IsId(id) ? await _watcher.NextAsync(id, after, cancellationToken) : null;
        }
        catch (Exception exception) when (exception.IsOfStorage() && !cancellationToken.IsCancellationRequested)
        {
            throw Fail(exception, Problem.StorageFailed("The task cannot be read."));
        }
    }

    public async ValueTask<RawJson?> ReadOutcomeAsync(string id) => !IsId(id) ? null : await GuardAsync<RawJson?>(
        async stop => (await _reader.FindAsync(id))?.Status switch
        {
            { Attempts.Outcome: { } outcome } => Payload.Read(outcome),
            not { State: TaskState.Succeeded or TaskState.Failed } => null,
            { Attempts: { OutcomeBytes: > MinStoredBytes } large } => _hub.Blobs.OutcomeBlob(id, large.Begun, large.OutcomeBytes),
            { Attempts.Begun: var attempt } => await _hub.Blobs.ReadOutcomeAsync(id, attempt, stop),
        },
        "The outcome of the task cannot be read.");

    public async Task<TaskView?> CancelAsync(string id) => !IsId(id) ? null : await GuardAsync(
        async stop =>
        {
            var found = await ReadAsync(id);
            if (found is not { Record.IsFinished: false } view)
            {
                return found;
            }

            var seen = await _hub.Blobs.ChangeStateAsync(id, known: null, new AttemptsCancelled(_time.GetUtcNow()), stop);
            var state = seen.Value;
            if (state.IsDone)
            {
                // The work is done, and its end is about to be recorded.
                while (view is { Record.IsFinished: false })
                {
                    view = await _watcher.NextAsync(id, view.Revision, stop) ?? throw new ProblemException(Problem.UnknownTask());
                }

                return view;
            }

            // An earlier request may have failed, or its process died, before the event was sent.
            if (!state.IsCancelSent)
            {
                await _hub.RaiseAsync(id, TaskNames.Cancel, new CancelEvent(state.Runner is null ? 0 : state.Call)).WaitAsync(stop);
                await _hub.Blobs.ChangeStateAsync(id, seen, new CancelSent(), stop);
            }

            return view with { Record = TaskLifecycle.Cancel(view.Record) };
        },
        "It is unknown whether the task is cancelled: storage cannot be reached.");

    public async ValueTask<TaskPage> ListAsync(TaskQuery query)
    {
        var continuation = TaskCursor.Decode(query.Cursor);
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
                        && (query.Operation is null
                            || string.Equals(record.Definition.Operation, query.Operation, StringComparison.Ordinal)));
                    found.AddRange(records);
                    continuation = page.Continuation;
                    if (continuation is null)
                    {
                        break;
                    }
                }

                return new TaskPage([.. found.OrderByDescending(static record => record.CreatedAt)], TaskCursor.Encode(continuation));
            },
            "The tasks cannot be listed.");
    }

    public async Task<TaskRecord?> RedeliverAsync(string id) => !IsId(id) ? null : await GuardAsync(
        async stop =>
        {
            var now = _time.GetUtcNow();
            while (await _hub.FindAsync(id) is { } instance && TaskHub.IsTask(instance))
            {
                var task = await _reader.ReadAsync(instance, stop);
                var view = task.View;
                if (view.Record.IsExpired(now))
                {
                    return null;
                }

                // A delivery that is due is in flight already; one that began after this request is what it asks for.
                if (!TaskLifecycle.CanRedeliver(view.Record) || view.Record.Delivery is not { } delivery
                    || (delivery.State == DeliveryState.Pending && delivery.NextAttemptAt <= now)
                    || (delivery.Attempts is [.., var last] && last.StartedAt >= now))
                {
                    return view.Record;
                }

                var redelivered = task.Status!.Redelivered(now);
                if (!TaskHub.IsUnderWay(instance))
                {
                    await _hub.StartAsync(id, task.Start with { Status = redelivered }, instance).WaitAsync(stop);
                    return view.Record with { Delivery = redelivered.Delivery };
                }

                // It waits for its next attempt. If it ends without the event, it is started again.
                await _hub.RaiseAsync(id, TaskNames.Redeliver, true).WaitAsync(stop);
                if (await _watcher.NextAsync(id, view.Revision, stop) is { Record.Delivery.State: DeliveryState.Pending } sending)
                {
                    return sending.Record;
                }
            }

            return null;
        },
        "The redelivery of the webhook could not be stored.");

    public void EnsureReady()
    {
        if (_hub.IsFailing)
        {
            throw new ProblemException(Problem.StorageFailed(
                "New tasks cannot be stored: the storage account of the tasks cannot be reached. The log has the cause."));
        }
    }

    public void Dispose() => _reads.Dispose();

    /// <summary>Whether a caller's text is an id. No other text may get into names of blobs and queries.</summary>
    private static bool IsId(string id) => id.Length == TaskRecord.IdLength && id.All(char.IsAsciiHexDigitLower);

    /// <summary>The problem if it is unknown whether the task runs: storage has not responded to its start.</summary>
    private static Problem UnknownOutcome(string id, TaskDefinition definition) => Problem.StorageFailed(
        "Storage did not respond in time, so it is unknown whether the task was accepted. " + (definition.IdempotencyKey is null
            ? $"GET {definition.Path}/{id} shows whether it was. With an Idempotency-Key the request could be sent again."
            : "Send the request again with the same Idempotency-Key: that never creates a second task.")) with
    { Id = id };

    private async Task<TaskView?> ReadAsync(string id) =>
        (await _reader.FindAsync(id))?.View is { } view && !view.Record.IsExpired(_time.GetUtcNow()) ? view : null;

    private async Task<(IReadOnlyList<TaskRecord> Records, string? Continuation)> QueryAsync(
        int limit, string? continuation, CancellationToken stop)
    {
        DurableTask.AzureStorage.DurableStatusQueryResult page;
        try
        {
            page = await _hub.ListAsync(limit, continuation, stop);
        }
        catch (Exception exception) when (continuation is not null
            && exception.GetBaseException() is RequestFailedException { Status: 400 } or FormatException)
        {
            throw TaskProblems.InvalidCursor();
        }

        var tasks = page.OrchestrationState.Where(TaskHub.IsTask).ToArray();
        var records = new TaskRecord[tasks.Length];
        await Parallel.ForAsync(
            0,
            tasks.Length,
            new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = stop },
            async (index, token) => records[index] = (await _reader.ReadAsync(tasks[index], token)).View.Record);
        return (records, page.ContinuationToken);
    }

    private async Task<T> GuardAsync<T>(Func<CancellationToken, Task<T>> run, string failure)
    {
        using var stop = new CancellationTokenSource(Patience, _time);
        return await GuardAsync(run(stop.Token), () => Problem.StorageFailed(failure), stop.Token);
    }

    /// <summary>Limits the time of a request, and turns failures of storage into problems.</summary>
    private async Task<T> GuardAsync<T>(Task<T> work, Func<Problem> failure, CancellationToken stop)
    {
        try
        {
            var result = await work.WaitAsync(stop);
            _hub.Note(failure: null);
            return result;
        }
        catch (UnreadableDataException exception)
        {
            LogUnreadable(_logger, exception);
            throw new ProblemException(TaskProblems.Unreadable("Stored data of the task"));
        }
        catch (Exception exception) when (exception.IsOfStorage())
        {
            throw Fail(exception, failure());
        }
    }

    private ProblemException Fail(Exception exception, Problem problem)
    {
        _hub.Note(exception);
        return new ProblemException(problem);
    }

    [LoggerMessage(EventId = 39, Level = LogLevel.Error, Message = "Stored data cannot be read, so a request has failed")]
    private static partial void LogUnreadable(ILogger logger, Exception exception);
}
