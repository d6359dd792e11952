using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using FunctionsApp.Core.Json;
using FunctionsApp.Durable.Records;

namespace FunctionsApp.Durable.Storage;

/// <summary>The blobs of tasks: inputs, outcomes, the state of attempts, and idempotency keys. Thread-safe.</summary>
/// <param name="container">The container of the task hub.</param>
internal sealed class TaskBlobs(BlobContainerClient container)
{
    private const string Tasks = "tasks/", Keys = "keys/";

    /// <summary>The metadata of an idempotency key that names its task.</summary>
    private const string TaskOfKey = "task";

    /// <summary>
    /// Each request has the time limit of <see cref="StorageConnection"/>, so large blobs are written in parts, each of which a line of
    /// 1 Mbit/s sends within it.
    /// </summary>
    private static readonly StorageTransferOptions Parts = new()
    {
        InitialTransferSize = 512 * 1024,
        MaximumTransferSize = 512 * 1024,
        MaximumConcurrency = 1,
    };

    /// <summary>The longest time that storage allows. The process that sweeps renews it each minute.</summary>
    private static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(60);

    /// <summary>Creates the container, if it does not exist.</summary>
    public Task CreateAsync(CancellationToken cancellationToken) => container.CreateIfNotExistsAsync(cancellationToken: cancellationToken);

    /// <summary>Fails if storage cannot be reached.</summary>
    public Task PingAsync(CancellationToken cancellationToken) => container.ExistsAsync(cancellationToken);

    /// <summary>Stores the input of a task.</summary>
    public Task WriteInputAsync(string id, RawJson input, CancellationToken cancellationToken) =>
        WriteAsync(Input(id), input, cancellationToken);

    /// <summary>Reads the input of a task; null if there is none.</summary>
    public Task<RawJson?> ReadInputAsync(string id, CancellationToken cancellationToken) => ReadAsync(Input(id), cancellationToken);

    /// <summary>
    /// Stores the outcome of an attempt. Each attempt has a blob of its own: one that has lost its task must not change the outcome of
    /// another.
    /// </summary>
    public Task WriteOutcomeAsync(string id, int attempt, RawJson outcome, CancellationToken cancellationToken) =>
        WriteAsync(Outcome(id, attempt), outcome, cancellationToken);

    /// <summary>Reads the outcome of an attempt into memory; null if there is none.</summary>
    public Task<RawJson?> ReadOutcomeAsync(string id, int attempt, CancellationToken cancellationToken) =>
        ReadAsync(Outcome(id, attempt), cancellationToken);

    /// <summary>The outcome of an attempt, which is read in parts as it is sent.</summary>
    public RawJson OutcomeBlob(string id, int attempt, long bytes) =>
        RawJson.From(new BlobOutcome(container.GetBlobClient(Outcome(id, attempt)), bytes));

    /// <summary>Reads the state of a task's attempts; a new one if none is stored.</summary>
    public async Task<Seen<AttemptState>> ReadStateAsync(string id, CancellationToken cancellationToken) =>
        await container.FindAsync<AttemptState>(State(id), cancellationToken) ?? new(new AttemptState(), Tag: null);

    /// <summary>Changes the state of a task's attempts.</summary>
    /// <param name="id">The task.</param>
    /// <param name="known">The state as it was last seen, which saves a request to read it; null to read it.</param>
    /// <param name="change">The change. It is applied again if another process has changed the state meanwhile.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The state then.</returns>
    public async Task<Seen<AttemptState>> ChangeStateAsync(
        string id, Seen<AttemptState>? known, AttemptChange change, CancellationToken cancellationToken)
    {
        for (var seen = known; ; seen = null)
        {
            var current = seen ?? await ReadStateAsync(id, cancellationToken);
            if (change.Apply(current.Value) is not { } changed)
            {
                // What was known may be old.
                if (seen is null)
                {
                    return current;
                }

                continue;
            }

            changed = changed with { Version = current.Value.Version + 1 };
            if (await container.TryWriteAsync(State(id), changed, current.Tag, cancellationToken) is { } written)
            {
                return written;
            }
        }
    }

    /// <summary>Takes an idempotency key for a task, unless another has it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="entry">The task.</param>
    /// <param name="replaced">The entry to replace; null for a key that is free.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The entry of the key then; null if the one to replace is gone, and the key free.</returns>
    public async Task<Seen<KeyEntry>?> TakeKeyAsync(
        string key, KeyEntry entry, Seen<KeyEntry>? replaced, CancellationToken cancellationToken)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal) { [TaskOfKey] = entry.Id };
        while (true)
        {
            // The entry that is found may be this one: the response to the request that wrote it was lost.
            var taken = await container.TryWriteAsync(Key(key), entry, replaced?.Tag, cancellationToken, metadata)
                ?? await container.FindAsync<KeyEntry>(Key(key), cancellationToken);
            if (taken is not null || replaced is not null)
            {
                return taken;
            }
        }
    }

    /// <summary>Frees an idempotency key; returns false if it has changed.</summary>
    public Task<bool> FreeKeyAsync(string key, Seen<KeyEntry> seen, CancellationToken cancellationToken) =>
        container.TryDeleteAsync(Key(key), seen.Tag, cancellationToken);

    /// <summary>Returns the value of a secret that all processes share, and stores it if there is none.</summary>
    public async Task<string> ShareSecretAsync(string name, string value, CancellationToken cancellationToken)
    {
        var blob = container.GetBlobClient("secrets/" + name);
        try
        {
            var options = new BlobUploadOptions { Conditions = ConditionalBlobs.Unless(tag: null) };
            await blob.UploadAsync(BinaryData.FromString(value), options, cancellationToken);
            return value;
        }
        catch (RequestFailedException exception) when (exception.IsRefused())
        {
            return (await blob.DownloadContentAsync(cancellationToken)).Value.Content.ToString();
        }
    }

    /// <summary>Deletes the blobs of a task.</summary>
    /// <param name="id">The task.</param>
    /// <param name="key">Its idempotency key. It is freed, unless another task has it by now.</param>
    /// <param name="hasPayloads">Whether it has other blobs than the state of its attempts.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task DeleteAsync(string id, string? key, bool hasPayloads, CancellationToken cancellationToken)
    {
        if (key is not null)
        {
            await FreeKeyOfAsync(id, key, cancellationToken);
        }

        if (!hasPayloads)
        {
            await container.DeleteBlobIfExistsAsync(State(id), cancellationToken: cancellationToken);
            return;
        }

        await foreach (var blob in container.GetBlobsAsync(new GetBlobsOptions { Prefix = Directory(id) }, cancellationToken))
        {
            await container.DeleteBlobIfExistsAsync(blob.Name, cancellationToken: cancellationToken);
        }
    }

    /// <summary>Takes or renews the lease of the process that sweeps the hub; returns false if another has it.</summary>
    /// <param name="lease">The id of the process.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<bool> TryLeadAsync(string lease, CancellationToken cancellationToken)
    {
        var blob = container.GetBlobClient("locks/sweep");
        while (true)
        {
            try
            {
                await blob.GetBlobLeaseClient(lease).AcquireAsync(LeaseTime, cancellationToken: cancellationToken);
                return true;
            }
            catch (RequestFailedException exception) when (exception.ErrorCode == BlobErrorCode.LeaseAlreadyPresent)
            {
                return false;
            }
            catch (RequestFailedException exception) when (exception.ErrorCode == BlobErrorCode.BlobNotFound)
            {
                await container.TryWriteAsync("locks/sweep", new object(), tag: null, cancellationToken);
            }
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

    /// <summary>Deletes the blobs and frees the idempotency keys of tasks that do not exist: their creation failed.</summary>
    /// <param name="prefix">The beginning of the ids of the tasks that are looked at.</param>
    /// <param name="before">
    /// Only what was stored before this time is deleted. Newer blobs may belong to a task that is being created.
    /// </param>
    /// <param name="exists">Whether a task exists.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The number of tasks of which something was deleted.</returns>
    public async Task<int> DeleteOrphansAsync(
        string prefix, DateTimeOffset before, Func<string, bool> exists, CancellationToken cancellationToken)
    {
        var orphans = new HashSet<string>(StringComparer.Ordinal);
        foreach (var directory in new[] { Tasks + prefix, Keys })
        {
            var options = new GetBlobsOptions { Prefix = directory, Traits = BlobTraits.Metadata };
            await foreach (var blob in container.GetBlobsAsync(options, cancellationToken))
            {
                var id = blob.Metadata.TryGetValue(TaskOfKey, out var task) ? task : blob.Name.Split('/')[1];
                if (blob.Properties.LastModified < before && id.StartsWith(prefix, StringComparison.Ordinal) && !exists(id)
                    && await container.TryDeleteAsync(blob.Name, blob.Properties.ETag, cancellationToken))
                {
                    orphans.Add(id);
                }
            }
        }

        return orphans.Count;
    }

    private static string Directory(string id) => $"{Tasks}{id}/";

    private static string Input(string id) => Directory(id) + "input.json";

    private static string Outcome(string id, int attempt) =>
        string.Create(CultureInfo.InvariantCulture, $"{Directory(id)}outcome-{attempt}.json");

    private static string State(string id) => Directory(id) + "attempts.json";

    /// <summary>Callers choose their keys; the name of a blob allows fewer characters.</summary>
    private static string Key(string key) => Keys + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    private async Task FreeKeyOfAsync(string id, string key, CancellationToken cancellationToken)
    {
        try
        {
            if (await container.FindAsync<KeyEntry>(Key(key), cancellationToken) is { } seen
                && string.Equals(seen.Value.Id, id, StringComparison.Ordinal))
            {
                await FreeKeyAsync(key, seen, cancellationToken);
            }
        }
        catch (UnreadableDataException)
        {
            // It is left to the deletion of orphans.
        }
    }

    private async Task WriteAsync(string name, RawJson value, CancellationToken cancellationToken) =>
        await container.GetBlobClient(name).UploadAsync(
            BinaryData.FromBytes(value.Utf8), new BlobUploadOptions { TransferOptions = Parts }, cancellationToken);

    private async Task<RawJson?> ReadAsync(string name, CancellationToken cancellationToken) =>
        await container.DownloadAsync(name, cancellationToken) is { } blob ? RawJson.FromUtf8(blob.Content.ToMemory()) : null;
}
