using System.Collections.Concurrent;
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
    /// <summary>The idempotency keys whose tasks are being created.</summary>
    private readonly ConcurrentDictionary<string, Task> _creating = new(StringComparer.Ordinal);

    private Task? _opening;
    private object? _openingLock;

    /// <summary>
    /// Starts to open the directory and to resume its tasks, on the first call only. The first use calls it too, and waits for it.
    /// </summary>
    public void Start()
    {
        if (Volatile.Read(ref _opening) is null)
        {
            // In its own execution context, not in that of a request.
            using (ExecutionContext.SuppressFlow())
            {
                _ = LazyInitializer.EnsureInitialized(ref _opening, ref _openingLock, OpenAsync);
            }
        }
    }

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
        if (definition.IdempotencyKey is not { } key)
        {
            return await queue.AcceptAsync(definition, input);
        }

        // One request with a key at a time: each of the others finds the task of the first, even if that has the last place.
        var created = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        while (_creating.GetOrAdd(key, created.Task) is var other && other != created.Task)
        {
            await other;
        }

        try
        {
            return store.FindEarlier(definition) ?? await queue.AcceptAsync(definition, input);
        }
        finally
        {
            _creating.TryRemove(key, out _);
            created.SetResult();
        }
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
        return DatabaseOutcome.Find(database, id);
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
            return record is not null && TaskLifecycle.CanRedeliver(record) ? await webhooks.SendAgainAsync(record.Sequence) : record;
        }
        catch (StorageException)
        {
            throw new ProblemException(Problem.StorageFailed(TaskProblems.RedeliveryNotStored));
        }
    }

    public void EnsureReady() => database.EnsureReady();

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
