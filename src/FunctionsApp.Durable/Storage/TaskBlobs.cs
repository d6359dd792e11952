using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Durable.Storage;

/// <summary>The blobs of tasks: inputs, outcomes, the state of attempts, and idempotency keys. Thread-safe.</summary>
/// <param name="container">The container of the task hub.</param>
internal sealed class TaskBlobs(BlobContainerClient container)
{
    /// <summary>The HTTP statuses by which storage refuses a conditional write.</summary>
    private const int Conflict = 409, PreconditionFailed = 412, NotFound = 404;

    /// <summary>Creates the container, if it does not exist.</summary>
    public Task CreateAsync(CancellationToken cancellationToken) => container.CreateIfNotExistsAsync(cancellationToken: cancellationToken);

    /// <summary>Fails if storage cannot be reached.</summary>
    public Task PingAsync(CancellationToken cancellationToken) => container.ExistsAsync(cancellationToken);

    /// <summary>Stores the input of a task.</summary>
    public Task WriteInputAsync(string id, RawJson input, CancellationToken cancellationToken) => WriteAsync(Input(id), input, cancellationToken);

    /// <summary>Reads the input of a task; null if there is none.</summary>
    public async Task<RawJson?> ReadInputAsync(string id, CancellationToken cancellationToken) =>
        await DownloadAsync(Input(id), cancellationToken) is { } blob ? RawJson.FromUtf8(blob.Content.ToMemory()) : null;

    /// <summary>Stores the outcome of an attempt. Each attempt has a blob of its own: one that has lost its task must not change the outcome of another.</summary>
    public Task WriteOutcomeAsync(string id, int attempt, RawJson outcome, CancellationToken cancellationToken) =>
        WriteAsync(Outcome(id, attempt), outcome, cancellationToken);

    /// <summary>Reads the outcome of an attempt into memory; null if there is none.</summary>
    public async Task<RawJson?> ReadOutcomeAsync(string id, int attempt, CancellationToken cancellationToken) =>
        await DownloadAsync(Outcome(id, attempt), cancellationToken) is { } blob ? RawJson.FromUtf8(blob.Content.ToMemory()) : null;

    /// <summary>The outcome of an attempt, which is read in parts as it is sent.</summary>
    public RawJson StoredOutcome(string id, int attempt, long bytes) => RawJson.From(new StoredOutcome(container.GetBlobClient(Outcome(id, attempt)), bytes));

    /// <summary>Reads the state of a task's attempts; a new one if none is stored.</summary>
    public async Task<SeenState> ReadStateAsync(string id, CancellationToken cancellationToken)
    {
        var (state, tag) = await FindAsync<AttemptState>(State(id), cancellationToken);
        return new SeenState(state ?? new AttemptState(), tag);
    }

    /// <summary>Changes the state of a task's attempts.</summary>
    /// <param name="id">The task.</param>
    /// <param name="known">The state as it was last seen, which saves a request to read it; null to read it.</param>
    /// <param name="change">Returns the new state, or null to leave it. It is called again if another process has changed the state meanwhile.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The state then.</returns>
    public async Task<SeenState> ChangeStateAsync(string id, SeenState? known, Func<AttemptState, AttemptState?> change, CancellationToken cancellationToken)
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

    /// <summary>Takes an idempotency key for a task, unless another has it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="entry">The task.</param>
    /// <param name="abandoned">An entry to replace: its task was never created.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The entry of the key then.</returns>
    public async Task<KeyEntry> TakeKeyAsync(string key, KeyEntry entry, KeyEntry? abandoned, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (found, tag) = await FindAsync<KeyEntry>(Key(key), cancellationToken);
            if (found is not null && found != abandoned)
            {
                return found;
            }

            if (await TryWriteAsync(Key(key), entry, tag, cancellationToken) is not null)
            {
                return entry;
            }
        }
    }

    /// <summary>Frees an idempotency key, if it is that of the task.</summary>
    public async Task FreeKeyAsync(string key, string id, CancellationToken cancellationToken)
    {
        if (string.Equals((await FindAsync<KeyEntry>(Key(key), cancellationToken)).Value?.Id, id, StringComparison.Ordinal))
        {
            await container.DeleteBlobIfExistsAsync(Key(key), cancellationToken: cancellationToken);
        }
    }

    /// <summary>Returns the value of a secret that all processes share, and stores it if there is none.</summary>
    public async Task<string> ShareSecretAsync(string name, string value, CancellationToken cancellationToken)
    {
        var blob = container.GetBlobClient("secrets/" + name);
        try
        {
            await blob.UploadAsync(BinaryData.FromString(value), Unless(tag: null), cancellationToken);
            return value;
        }
        catch (RequestFailedException exception) when (exception.Status is Conflict or PreconditionFailed)
        {
            return (await blob.DownloadContentAsync(cancellationToken)).Value.Content.ToString();
        }
    }

    /// <summary>Deletes all blobs of a task.</summary>
    public async Task DeleteAsync(string id, string? key, CancellationToken cancellationToken)
    {
        if (key is not null)
        {
            await FreeKeyAsync(key, id, cancellationToken);
        }

        await foreach (var blob in container.GetBlobsAsync(new GetBlobsOptions { Prefix = Directory(id) }, cancellationToken))
        {
            await container.DeleteBlobIfExistsAsync(blob.Name, cancellationToken: cancellationToken);
        }
    }

    /// <summary>Returns how many bytes all blobs take.</summary>
    public async Task<long> MeasureAsync(CancellationToken cancellationToken)
    {
        var bytes = 0L;
        await foreach (var blob in container.GetBlobsAsync(cancellationToken: cancellationToken))
        {
            bytes += blob.Properties.ContentLength ?? 0;
        }

        return bytes;
    }

    private static string Directory(string id) => $"tasks/{id}/";

    private static string Input(string id) => Directory(id) + "input.json";

    private static string Outcome(string id, int attempt) => string.Create(CultureInfo.InvariantCulture, $"{Directory(id)}outcome-{attempt}.json");

    private static string State(string id) => Directory(id) + "attempts.json";

    /// <summary>Keys are up to their callers; the name of a blob is not.</summary>
    private static string Key(string key) => "keys/" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    private static BlobUploadOptions Unless(ETag? tag) => new()
    {
        Conditions = tag is { } known ? new BlobRequestConditions { IfMatch = known } : new BlobRequestConditions { IfNoneMatch = ETag.All },
    };

    private async Task<(T? Value, ETag? Tag)> FindAsync<T>(string name, CancellationToken cancellationToken)
        where T : class => await DownloadAsync(name, cancellationToken) is { } blob
            ? (JsonSerializer.Deserialize(blob.Content.ToMemory().Span, CoreJson.TypeInfo<T>()), blob.Details.ETag)
            : (null, null);

    /// <summary>Writes a value, unless another process has changed it; returns its new tag, or null.</summary>
    private async Task<ETag?> TryWriteAsync<T>(string name, T value, ETag? tag, CancellationToken cancellationToken)
    {
        try
        {
            var text = BinaryData.FromBytes(JsonSerializer.SerializeToUtf8Bytes(value, CoreJson.TypeInfo<T>()));
            return (await container.GetBlobClient(name).UploadAsync(text, Unless(tag), cancellationToken)).Value.ETag;
        }
        catch (RequestFailedException exception) when (exception.Status is Conflict or PreconditionFailed)
        {
            return null;
        }
    }

    private async Task WriteAsync(string name, RawJson value, CancellationToken cancellationToken) =>
        await container.GetBlobClient(name).UploadAsync(BinaryData.FromBytes(value.Utf8), overwrite: true, cancellationToken);

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
