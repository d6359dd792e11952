using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;

namespace FunctionsApp.Durable.Storage;

/// <summary>The container of the <see cref="TaskBlobs"/> as a whole: its size, and what no task needs. Thread-safe.</summary>
/// <param name="container">The container of the task hub.</param>
internal sealed class BlobInventory(BlobContainerClient container)
{
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

    /// <summary>Deletes the blobs of tasks that do not exist: their creation failed.</summary>
    /// <param name="prefix">The beginning of the ids of the tasks that are looked at.</param>
    /// <param name="before">Only what was stored before this time. What is newer may belong to a task that is being created.</param>
    /// <param name="exists">Whether a task exists.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The number of tasks whose blobs were deleted.</returns>
    public async Task<int> DeleteOrphansAsync(
        string prefix, DateTimeOffset before, Func<string, bool> exists, CancellationToken cancellationToken)
    {
        var orphans = new HashSet<string>(StringComparer.Ordinal);
        var options = new GetBlobsOptions { Prefix = TaskBlobs.TasksPrefix + prefix };
        await foreach (var blob in container.GetBlobsAsync(options, cancellationToken))
        {
            var id = blob.Name[TaskBlobs.TasksPrefix.Length..].Split('/')[0];
            if (blob.Properties.LastModified < before && !exists(id) && blob.Properties.ETag is { } tag
                && await container.DeleteUnchangedAsync(blob.Name, tag, cancellationToken))
            {
                orphans.Add(id);
            }
        }

        return orphans.Count;
    }

    /// <summary>Frees the idempotency keys of tasks that do not exist.</summary>
    /// <inheritdoc cref="DeleteOrphansAsync" path="/param"/>
    public async Task DeleteOrphanedKeysAsync(
        string prefix, DateTimeOffset before, Func<string, bool> exists, CancellationToken cancellationToken)
    {
        var options = new GetBlobsOptions { Prefix = TaskBlobs.KeysPrefix, Traits = BlobTraits.Metadata };
        await foreach (var blob in container.GetBlobsAsync(options, cancellationToken))
        {
            if (blob.Properties.LastModified < before && blob.Metadata.TryGetValue(TaskBlobs.TaskOfKey, out var task)
                && blob.Properties.ETag is { } tag && task.StartsWith(prefix, StringComparison.Ordinal) && !exists(task))
            {
                await container.DeleteUnchangedAsync(blob.Name, tag, cancellationToken);
            }
        }
    }
}
