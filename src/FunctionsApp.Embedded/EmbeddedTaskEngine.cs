using System.Globalization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Embedded.Storage;

namespace FunctionsApp.Embedded;

/// <summary>
/// The task engine that needs only a directory. Every change is flushed to disk before it is reported or acted on. After a crash
/// the engine therefore resumes from the state that it has reported.
/// </summary>
internal sealed class EmbeddedTaskEngine(
    DirectoryOpening directory, DatabaseAccess database, TaskStore store, TaskQueue queue, WebhookQueue webhooks, TaskSteps steps)
    : ITaskEngine
{
    private Task? _opening;
    private object? _openingLock;

    /// <summary>
    /// Starts to open the directory and to resume its tasks, on the first call only. The first use calls it too, and waits for it.
    /// </summary>
    public void Start() => _ = LazyInitializer.EnsureInitialized(ref _opening, ref _openingLock, OpenAsync);

    /// <summary>Interrupts running tasks, and writes pending changes. Interrupted tasks run again after the next start.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await database.StopAsync();
        var opening = LazyInitializer.EnsureInitialized(ref _opening, ref _openingLock, static () => Task.CompletedTask);
        await opening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await queue.WhenIdleAsync().WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        database.Dispose();
    }

    public string Name => "embedded";

    public async Task<TaskRecord> CreateAsync(TaskDefinition definition, RawJson input)
    {
        await EnsureOpenAsync();
        TaskRecord? record = null;
        while (record is null)
        {
            // A concurrent request with the same key may be the first to store its task: the next turn finds that.
            record = store.FindEarlier(definition) ?? await AcceptAsync(definition, input);
        }

        return record;
    }

    public async ValueTask<TaskView?> FindAsync(string id)
    {
        await EnsureOpenAsync();
        return store.Find(id);
    }

    public async ValueTask<TaskView?> WaitAsync(string id, long after, CancellationToken cancellationToken)
    {
        await EnsureOpenAsync();
        TaskEntry? entry;
        lock (store.Gate)
        {
            entry = store.FindLive(id);
        }

        // The entry outlives its place in the store: it shows the end of the task after its removal.
        while (entry is not null)
        {
            Task changed;
            lock (store.Gate)
            {
                var view = entry.View;
                if (view.Revision > after || view.Record.IsFinished)
                {
                    return view;
                }

                changed = entry.ChangedAsync();
            }

            await changed.WaitAsync(cancellationToken);
        }

        return store.Find(id);
    }

    public async ValueTask<RawJson?> ReadOutcomeAsync(string id)
    {
        await EnsureOpenAsync();
        return StoredOutcome.Find(database, id);
    }

    public async Task<TaskView?> CancelAsync(string id)
    {
        await EnsureOpenAsync();
        TaskView? view = null;
        var stored = Task.CompletedTask;
        lock (store.Gate)
        {
            if (store.FindLive(id) is { } entry)
            {
                (view, stored) = queue.Cancel(entry);
            }
        }

        try
        {
            await stored;
        }
        catch (StorageException)
        {
            throw new ProblemException(Problem.StorageFailed(
                "The task is being stopped, but its cancellation could not be stored: "
                + "if the host ends before it is stored, the task runs again."));
        }

        return view ?? store.Find(id);
    }

    public async ValueTask<TaskPage> ListAsync(TaskQuery query)
    {
        var below = ParseCursor(query.Cursor);
        await EnsureOpenAsync();
        var (items, next) = store.List(query, below);
        return new TaskPage(items, TaskCursor.Encode(next?.ToString(CultureInfo.InvariantCulture)));
    }

    public async Task<TaskRecord?> RedeliverAsync(string id)
    {
        await EnsureOpenAsync();
        var record = store.Find(id)?.Record;
        try
        {
            return record is { IsFinished: true, Delivery: not null } ? await webhooks.SendAgainAsync(record.Sequence) : record;
        }
        catch (StorageException)
        {
            throw new ProblemException(Problem.StorageFailed("The redelivery of the webhook could not be stored."));
        }
    }

    public void EnsureReady() => database.EnsureReady();

    private async Task<TaskRecord?> AcceptAsync(TaskDefinition definition, RawJson input)
    {
        try
        {
            return await queue.AcceptAsync(definition, input);
        }
        catch (ProblemException refused) when (definition.IdempotencyKey is not null && refused.Problem.RetryAfterSeconds is not null)
        {
            // The task that has the last place may be that of a concurrent request with the same key. It is on disk after this write.
            await database.WriteAsync(static _ => { }).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (store.FindEarlier(definition) is { } earlier)
            {
                return earlier;
            }

            throw;
        }
    }

    /// <summary>Returns the sequence number of a cursor; the page has tasks with lower ones.</summary>
    private static long ParseCursor(string? cursor) => TaskCursor.Decode(cursor) is not { } text ? long.MaxValue
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var below) && below > 1 ? below
        : throw TaskProblems.InvalidCursor();

    private ValueTask EnsureOpenAsync()
    {
        Start();
        return database.EnsureOpenAsync();
    }

    private async Task OpenAsync()
    {
        await Task.Yield();
        try
        {
            if (await directory.RunAsync(opened => store.Open(opened, queue.Resume)))
            {
                await steps.RunAsync();
            }
        }
#pragma warning disable CA1031 // A bug: it is logged, and reported for each request.
        catch (Exception exception) when (!database.Stopping.IsCancellationRequested)
#pragma warning restore CA1031
        {
            database.SetFailed(exception);
        }
    }
}
