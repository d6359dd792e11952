using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;

namespace FunctionsApp.Durable.Client;

/// <summary>
/// Creates tasks, and one for each idempotency key: several processes may be asked at once, storage may respond late, and a process
/// may die at any moment.
/// </summary>
internal sealed class TaskCreation(
    TaskHub hub, TaskReader reader, StorageUse use, DeliverySchedule schedule, Leftovers leftovers, TimeProvider time)
{
    /// <summary>How long storage may take, beside the time for the input.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The age of an idempotency key after which the process that took it may have died.</summary>
    private static readonly TimeSpan Abandoned = Patience + TimeSpan.FromSeconds(5);

    private static readonly TimeSpan KeyPause = TimeSpan.FromMilliseconds(100);

    /// <summary>The rate at which an input is stored at least, in bytes a second: 2 Mbit/s.</summary>
    private const double MinRate = 250_000;

    /// <summary>How long the creation of a task may take.</summary>
    public static TimeSpan PatienceOf(TaskDefinition definition, RawJson input) =>
        Patience + TimeFor(input) + (definition.IdempotencyKey is null ? TimeSpan.Zero : Abandoned);

    /// <summary>Creates a task.</summary>
    /// <param name="definition">What to run, and how.</param>
    /// <param name="input">The work's input.</param>
    /// <param name="starting">Receives the id of the task that may run from then on, whatever fails; null for none.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<TaskRecord> CreateAsync(
        TaskDefinition definition, RawJson input, Action<string?> starting, CancellationToken cancellationToken)
    {
        await hub.EnsureCreatedAsync().WaitAsync(cancellationToken);
        return definition.IdempotencyKey is { } key
            ? await CreateOnceAsync(key, definition, input, starting, cancellationToken)
            : await AcceptAsync(
                new NewTask(TaskRecord.NewId(), Key: null, IsAdopted: false), definition, input, starting, cancellationToken);
    }

    private static TimeSpan TimeFor(RawJson input) => TimeSpan.FromSeconds(input.Utf8.Length / MinRate);

    /// <summary>Creates the task of an idempotency key, or finds it.</summary>
    private async Task<TaskRecord> CreateOnceAsync(
        string key, TaskDefinition definition, RawJson input, Action<string?> starting, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var (id, isAdopted) = (TaskRecord.NewId(), false);
        for (SeenKey? replaced = null; ;)
        {
            var mine = new KeyEntry(id, time.GetUtcNow(), definition.Fingerprint);
            var taken = await hub.Blobs.TakeKeyAsync(key, mine, replaced, cancellationToken);
            if (taken is null)
            {
                // Whoever freed the key deletes what is stored under its id.
                (replaced, id, isAdopted) = (null, TaskRecord.NewId(), false);
                continue;
            }

            if (taken.Entry == mine)
            {
                return await AcceptAsync(new NewTask(id, taken, isAdopted), definition, input, starting, cancellationToken);
            }

            starting(taken.Entry.Id);
            var isSame = string.Equals(taken.Entry.Fingerprint, definition.Fingerprint, StringComparison.Ordinal);
            var (exists, record) = await FindAsync(taken.Entry.Id, cancellationToken);
            if ((record is not null || !exists) && !isSame)
            {
                throw new ProblemException(Problem.IdempotencyKeyReused());
            }

            if (record is not null)
            {
                return record;
            }

            replaced = null;
            if (exists)
            {
                // It has expired.
                starting(null);
                (replaced, id, isAdopted) = (taken, TaskRecord.NewId(), false);
            }
            else if (time.GetUtcNow() - taken.Entry.CreatedAt > Abandoned || time.GetElapsedTime(started) > Abandoned)
            {
                // The process that took the key has died, or its requests to storage are still under way. The id stays the same, so
                // that no two tasks come of it.
                (replaced, id, isAdopted) = (taken, taken.Entry.Id, true);
            }
            else
            {
                await Task.Delay(KeyPause, time, cancellationToken);
            }
        }
    }

    /// <summary>Finds a task; it may exist and have expired, and then has no record.</summary>
    private async Task<(bool Exists, TaskRecord? Record)> FindAsync(string id, CancellationToken cancellationToken)
    {
        if (await hub.FindAsync(id).WaitAsync(cancellationToken) is not { } instance)
        {
            return (false, null);
        }

        var record = TaskHub.IsKept(instance) ? (await reader.ReadAsync(instance, cancellationToken)).View.Record : null;
        return (true, record?.IsExpired(time.GetUtcNow()) == false ? record : null);
    }

    private async Task<TaskRecord> AcceptAsync(
        NewTask task, TaskDefinition definition, RawJson input, Action<string?> starting, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var (began, limit) = (time.GetTimestamp(), Patience + TimeFor(input));
        patience.CancelAfter(limit);
        Task? sending = null;
        try
        {
            await use.AddAsync(input.Utf8.Length, patience.Token);
            await hub.Blobs.WriteInputAsync(task.Id, input, patience.Token);
            var now = time.GetUtcNow();
            var start = new TaskStart(definition, now, input.Utf8.Length, schedule.PauseBeforeFirst().TotalSeconds);
            starting(task.Id);

            // A process that was paused must not start what it, or another, has given up meanwhile. Its timers may be late.
            patience.Token.ThrowIfCancellationRequested();
            if (time.GetElapsedTime(began) > limit)
            {
                throw new TimeoutException();
            }

            sending = hub.StartAsync(task.Id, start);
            await sending.WaitAsync(patience.Token);
            return new StoredTask(task.Id, start, Status: null, Attempts: null).Record;
        }
        catch (ProblemException) when (task is { Key: not null, IsAdopted: false })
        {
            // There is no room, so there will be no task.
            await FreeKeyAsync(task, definition.IdempotencyKey!, cancellationToken);
            throw;
        }
        catch (Exception exception) when (exception is not ProblemException && !task.IsAdopted)
        {
            leftovers.Add(task.Id, definition.IdempotencyKey, task.Key, sending);
            throw;
        }
    }

    private async Task FreeKeyAsync(NewTask task, string key, CancellationToken cancellationToken)
    {
        try
        {
            await hub.Blobs.FreeKeyAsync(key, task.Key!, cancellationToken);
        }
        catch (Exception exception) when (exception.IsOfStorage())
        {
            leftovers.Add(task.Id, key, task.Key, sending: null);
        }
    }

    /// <summary>A task that is being created.</summary>
    /// <param name="Id">Its id.</param>
    /// <param name="Key">The entry of its idempotency key.</param>
    /// <param name="IsAdopted">
    /// Whether another request began to create it, whose start may still arrive: nothing of it is deleted here.
    /// </param>
    private sealed record NewTask(string Id, SeenKey? Key, bool IsAdopted);
}
