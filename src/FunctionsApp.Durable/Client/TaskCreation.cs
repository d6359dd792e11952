using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;

namespace FunctionsApp.Durable.Client;

/// <summary>
/// Creates tasks, one for each idempotency key: several processes may get the same request at once, storage may respond late, and a
/// process may die at any moment. If a creation fails, <see cref="TaskBlobs.DeleteOrphansAsync"/> deletes what it has stored.
/// </summary>
internal sealed class TaskCreation(TaskHub hub, TaskReader reader, StorageUse use, DeliverySchedule schedule, TimeProvider time)
{
    /// <summary>How long storage may take, beside the time for the input.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The age of an idempotency key after which the process that took it may have died.</summary>
    private static readonly TimeSpan Abandoned = Patience + TimeSpan.FromSeconds(5);

    private static readonly TimeSpan KeyPause = TimeSpan.FromMilliseconds(100);

    /// <summary>The minimum rate at which an input is stored, in bytes a second: 2 Mbit/s.</summary>
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
            : await AcceptAsync(TaskRecord.NewId(), definition, input, starting, cancellationToken);
    }

    private static TimeSpan TimeFor(RawJson input) => TimeSpan.FromSeconds(input.Utf8.Length / MinRate);

    /// <summary>Creates the task of an idempotency key, or finds it.</summary>
    private async Task<TaskRecord> CreateOnceAsync(
        string key, TaskDefinition definition, RawJson input, Action<string?> starting, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var id = TaskRecord.NewId();
        for (Seen<KeyEntry>? replaced = null; ;)
        {
            var mine = new KeyEntry(id, time.GetUtcNow(), definition.Fingerprint);
            var taken = await hub.Blobs.TakeKeyAsync(key, mine, replaced, cancellationToken);
            if (taken?.Value == mine)
            {
                try
                {
                    return await AcceptAsync(id, definition, input, starting, cancellationToken);
                }
                catch (ProblemException) when (!string.Equals(replaced?.Value.Id, id, StringComparison.Ordinal))
                {
                    // There is no room, and no other request creates this task.
                    await FreeKeyAsync(key, taken, cancellationToken);
                    throw;
                }
            }

            if (taken is null)
            {
                // The entry to replace is gone.
                (replaced, id) = (null, TaskRecord.NewId());
                continue;
            }

            var (exists, record) = await FindAsync(taken.Value, definition, starting, cancellationToken);
            if (record is not null)
            {
                return record;
            }

            // The process that took the key may have died, or its requests to storage are still under way. The id stays the same, so
            // that there is only one task.
            var isAbandoned = time.GetUtcNow() - taken.Value.CreatedAt > Abandoned || time.GetElapsedTime(started) > Abandoned;
            replaced = exists || isAbandoned ? taken : null;
            id = isAbandoned && !exists ? taken.Value.Id : TaskRecord.NewId();
            if (replaced is null)
            {
                await Task.Delay(KeyPause, time, cancellationToken);
            }
        }
    }

    private async Task FreeKeyAsync(string key, Seen<KeyEntry> taken, CancellationToken cancellationToken)
    {
        try
        {
            await hub.Blobs.FreeKeyAsync(key, taken, cancellationToken);
        }
        catch (Exception exception) when (exception.IsOfStorage())
        {
            // The clean-up deletes it.
        }
    }

    /// <summary>Finds the task of a key; it may exist and have expired, and then has no record.</summary>
    private async Task<(bool Exists, TaskRecord? Record)> FindAsync(
        KeyEntry entry, TaskDefinition definition, Action<string?> starting, CancellationToken cancellationToken)
    {
        starting(entry.Id);
        var instance = await hub.FindAsync(entry.Id).WaitAsync(cancellationToken);
        var record = instance is not null && TaskHub.IsTask(instance)
            ? (await reader.ReadAsync(instance, cancellationToken)).View.Record
            : null;
        if (instance is not null && record?.IsExpired(time.GetUtcNow()) != false)
        {
            starting(null);
            return (true, null);
        }

        return string.Equals(entry.Fingerprint, definition.Fingerprint, StringComparison.Ordinal)
            ? (instance is not null, record)
            : throw new ProblemException(Problem.IdempotencyKeyReused());
    }

    private async Task<TaskRecord> AcceptAsync(
        string id, TaskDefinition definition, RawJson input, Action<string?> starting, CancellationToken cancellationToken)
    {
        var (began, limit) = (time.GetTimestamp(), Patience + TimeFor(input));
        using var timer = new CancellationTokenSource(limit, time);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timer.Token);
        use.Add(input.Utf8.Length);
        var inline = Payload.Inline(input);
        if (inline is null)
        {
            await hub.Blobs.WriteInputAsync(id, input, patience.Token);
        }

        var now = time.GetUtcNow();
        var start = new TaskStart(definition, now, input.Utf8.Length, schedule.PauseBeforeFirst().TotalSeconds) { Input = inline };
        starting(id);

        // A process that was paused must not start what it, or another, has given up meanwhile. Its timers may be late.
        patience.Token.ThrowIfCancellationRequested();
        if (time.GetElapsedTime(began) > limit)
        {
            throw new TimeoutException();
        }

        await hub.StartAsync(id, start).WaitAsync(patience.Token);
        return TaskLifecycle.Create(id, now.UtcTicks, definition, now);
    }
}
