using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Records;

namespace FunctionsApp.Durable.Storage;

/// <summary>The blobs of tasks: inputs, outcomes, the state of attempts, and idempotency keys. Thread-safe.</summary>
/// <param name="container">The container of the task hub.</param>
internal sealed class TaskBlobs(BlobContainerClient container)
{
    /// <summary>The metadata of an idempotency key that names its task.</summary>
    public const string TaskOfKey = "task";

    /// <summary>How the names of the blobs of tasks begin, before the task's id.</summary>
    public const string TasksPrefix = "tasks/";

    /// <summary>How the names of idempotency keys begin.</summary>
    public const string KeysPrefix = "keys/";

    private const int NotFound = 404;

    /// <summary>
    /// Each request has the time limit of <see cref="StorageConnection"/>, so what is large goes in parts, each of which a line of
    /// 1 Mbit/s sends within it.
    /// </summary>
    private static readonly StorageTransferOptions Parts = new()
    {
        InitialTransferSize = 512 * 1024,
        MaximumTransferSize = 512 * 1024,
        MaximumConcurrency = 1,
    };

    /// <summary>The container as a whole: its size, and what no task needs.</summary>
    public BlobInventory Inventory { get; } = new(container);

    /// <summary>Creates the container, if it does not exist.</summary>
    public Task CreateAsync(CancellationToken cancellationToken) => container.CreateIfNotExistsAsync(cancellationToken: cancellationToken);

    /// <summary>Fails if storage cannot be reached.</summary>
    public Task PingAsync(CancellationToken cancellationToken) => container.ExistsAsync(cancellationToken);

    /// <summary>Stores the input of a task.</summary>
    public Task WriteInputAsync(string id, RawJson input, CancellationToken cancellationToken) =>
        WriteAsync(Input(id), input, cancellationToken);

    /// <summary>Reads the input of a task; null if there is none.</summary>
    public async Task<RawJson?> ReadInputAsync(string id, CancellationToken cancellationToken) =>
        await DownloadAsync(Input(id), cancellationToken) is { } blob ? RawJson.FromUtf8(blob.Content.ToMemory()) : null;

    /// <summary>
    /// Stores the outcome of an attempt. Each attempt has a blob of its own: one that has lost its task must not change the outcome of
    /// another.
    /// </summary>
    /// <returns>The length of the outcome.</returns>
    public async Task<int> WriteOutcomeAsync(string id, int attempt, RawJson outcome, CancellationToken cancellationToken)
    {
        await WriteAsync(Outcome(id, attempt), outcome, cancellationToken);
        return outcome.Utf8.Length;
    }

    /// <summary>Reads the outcome of an attempt into memory; null if there is none.</summary>
    public async Task<RawJson?> ReadOutcomeAsync(string id, int attempt, CancellationToken cancellationToken) =>
        await DownloadAsync(Outcome(id, attempt), cancellationToken) is { } blob ? RawJson.FromUtf8(blob.Content.ToMemory()) : null;

    /// <summary>The outcome of an attempt, which is read in parts as it is sent.</summary>
    public RawJson StoredOutcome(string id, int attempt, long bytes) =>
        RawJson.From(new StoredOutcome(container.GetBlobClient(Outcome(id, attempt)), bytes));

    /// <summary>Reads the state of a task's attempts; a new one if none is stored.</summary>
    public async Task<SeenState> ReadStateAsync(string id, CancellationToken cancellationToken)
    {
        var (state, tag) = await FindAsync<AttemptState>(State(id), cancellationToken);
        return new SeenState(state ?? new AttemptState(), tag);
    }

    /// <summary>Changes the state of a task's attempts.</summary>
    /// <param name="id">The task.</param>
    /// <param name="known">The state as it was last seen, which saves a request to read it; null to read it.</param>
    /// <param name="change">
    /// Returns the new state, or null to leave it. It is called again if another process has changed the state meanwhile.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The state then.</returns>
    public async Task<SeenState> ChangeStateAsync(
        string id, SeenState? known, Func<AttemptState, AttemptState?> change, CancellationToken cancellationToken)
    {
        for (var seen = known; ; seen = null)
        {
            var (state, tag) = seen ?? await ReadStateAsync(id, cancellationToken);
            if (change(state) is not { } changed)
            {
                // What was known may be old.
                if (seen is null)
                {
                    return new SeenState(state, tag);
                }

                continue;
            }

            changed = changed with { Version = state.Version + 1 };
            if (await TryWriteAsync(State(id), changed, tag, cancellationToken) is { } written)
            {
                return new SeenState(changed, written);
            }
        }
    }

    /// <summary>Takes the attempt of a task from whoever makes it, and lets no other start.</summary>
    public async Task EndAttemptsAsync(string id, CancellationToken cancellationToken)
    {
        try
        {
            var result = new AttemptResult { End = AttemptEnd.Failed };
            await ChangeStateAsync(
                id,
                known: null,
                state => state.Call == int.MaxValue ? null : state with { Call = int.MaxValue, Runner = null, Result = result },
                cancellationToken);
        }
        catch (UnreadableDataException)
        {
            // No attempt can start or end.
        }
    }

    /// <summary>Takes an idempotency key for a task, unless another has it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="entry">The task.</param>
    /// <param name="replaced">The entry to replace; null for a key that is free.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The entry of the key then; null if the one to replace is gone, and the key free.</returns>
    public async Task<SeenKey?> TakeKeyAsync(string key, KeyEntry entry, SeenKey? replaced, CancellationToken cancellationToken)
    {
        while (true)
        {
            var metadata = new Dictionary<string, string>(StringComparer.Ordinal) { [TaskOfKey] = entry.Id };
            if (await TryWriteAsync(Key(key), entry, replaced?.Tag, cancellationToken, metadata) is { } written)
            {
                return new SeenKey(entry, written);
            }

            // It may be this entry: the response to the request that wrote it was lost.
            var (found, tag) = await FindAsync<KeyEntry>(Key(key), cancellationToken);
            if (found is not null || replaced is not null)
            {
                return found is null ? null : new SeenKey(found, tag!.Value);
            }
        }
    }

    /// <summary>
    /// Frees an idempotency key, unless it has changed; returns whether it is free of that entry now, by this call or an earlier one.
    /// </summary>
    public Task<bool> FreeKeyAsync(string key, SeenKey seen, CancellationToken cancellationToken) =>
        container.DeleteUnchangedAsync(Key(key), seen.Tag, cancellationToken);

    /// <summary>Returns the value of a secret that all processes share, and stores it if there is none.</summary>
    public async Task<string> ShareSecretAsync(string name, string value, CancellationToken cancellationToken)
    {
        var blob = container.GetBlobClient("secrets/" + name);
        try
        {
            await blob.UploadAsync(BinaryData.FromString(value), ConditionalBlobs.Unless(tag: null), cancellationToken);
            return value;
        }
        catch (RequestFailedException exception) when (exception.IsRefused())
        {
            return (await blob.DownloadContentAsync(cancellationToken)).Value.Content.ToString();
        }
    }

    /// <summary>Deletes all blobs of a task.</summary>
    /// <param name="id">The task.</param>
    /// <param name="key">Its idempotency key. It is freed, unless another task has it by now.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task DeleteAsync(string id, string? key, CancellationToken cancellationToken)
    {
        if (key is not null && await FindKeyAsync(key, cancellationToken) is { } seen
            && string.Equals(seen.Entry.Id, id, StringComparison.Ordinal))
        {
            await FreeKeyAsync(key, seen, cancellationToken);
        }

        await foreach (var blob in container.GetBlobsAsync(new GetBlobsOptions { Prefix = Directory(id) }, cancellationToken))
        {
            await container.DeleteBlobIfExistsAsync(blob.Name, cancellationToken: cancellationToken);
        }
    }

    private static string Directory(string id) => $"{TasksPrefix}{id}/";

    private static string Input(string id) => Directory(id) + "input.json";

    private static string Outcome(string id, int attempt) =>
        string.Create(CultureInfo.InvariantCulture, $"{Directory(id)}outcome-{attempt}.json");

    private static string State(string id) => Directory(id) + "attempts.json";

    /// <summary>Keys are up to their callers; the name of a blob is not.</summary>
    private static string Key(string key) => KeysPrefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    /// <summary>
    /// Reads an entry; null if there is none, or none that can be read. What cannot be read is left to the deletion of orphans.
    /// </summary>
    private async Task<SeenKey?> FindKeyAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            return await FindAsync<KeyEntry>(Key(key), cancellationToken) is ({ } entry, { } tag) ? new SeenKey(entry, tag) : null;
        }
        catch (UnreadableDataException)
        {
            return null;
        }
    }

    /// <exception cref="UnreadableDataException">It is there, and cannot be read.</exception>
    private async Task<(T? Value, ETag? Tag)> FindAsync<T>(string name, CancellationToken cancellationToken)
        where T : class
    {
        if (await DownloadAsync(name, cancellationToken) is not { } blob)
        {
            return (null, null);
        }

        try
        {
            return (CoreJson.ReadStored<T>(blob.Content.ToMemory().Span), blob.Details.ETag);
        }
        catch (JsonException exception)
        {
            throw new UnreadableDataException(name, exception);
        }
    }

    /// <summary>Writes a value, unless another process has changed it; returns its new tag, or null.</summary>
    private async Task<ETag?> TryWriteAsync<T>(
        string name, T value, ETag? tag, CancellationToken cancellationToken, IDictionary<string, string>? metadata = null)
    {
        try
        {
            var text = BinaryData.FromBytes(JsonSerializer.SerializeToUtf8Bytes(value, CoreJson.StoredTypeInfo<T>()));
            var options = ConditionalBlobs.Unless(tag);
            options.Metadata = metadata;
            return (await container.GetBlobClient(name).UploadAsync(text, options, cancellationToken)).Value.ETag;
        }
        catch (RequestFailedException exception) when (exception.IsRefused())
        {
            return null;
        }
    }

    private async Task WriteAsync(string name, RawJson value, CancellationToken cancellationToken) =>
        await container.GetBlobClient(name).UploadAsync(
            BinaryData.FromBytes(value.Utf8), new BlobUploadOptions { TransferOptions = Parts }, cancellationToken);

    private async Task<BlobDownloadResult?> DownloadAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return (await container.GetBlobClient(name).DownloadContentAsync(cancellationToken)).Value;
        }
        catch (RequestFailedException exception) when (exception.Status == NotFound)
        {
            return null;
        }
    }
}
