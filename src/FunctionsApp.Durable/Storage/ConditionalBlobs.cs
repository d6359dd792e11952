using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;

namespace FunctionsApp.Durable.Storage;

/// <summary>Changes of blobs that take place only if no other process has changed the blob.</summary>
internal static class ConditionalBlobs
{
    /// <summary>Options to write a blob, unless it has changed.</summary>
    /// <param name="tag">The tag of the blob that is replaced; null if there must be none.</param>
    public static BlobUploadOptions Unless(ETag? tag) => new()
    {
        Conditions = tag is { } known
            ? new BlobRequestConditions { IfMatch = known }
            : new BlobRequestConditions { IfNoneMatch = ETag.All },
    };

    /// <summary>Whether a conditional write found another state than it expected. Storage has other conflicts, which are errors.</summary>
    public static bool IsRefused(this RequestFailedException exception) =>
        exception.ErrorCode == BlobErrorCode.BlobAlreadyExists || exception.ErrorCode == BlobErrorCode.ConditionNotMet;

    /// <summary>Deletes a blob, unless it has changed; returns whether it does not exist any more.</summary>
    public static async Task<bool> DeleteUnchangedAsync(
        this BlobContainerClient container, string name, ETag tag, CancellationToken cancellationToken)
    {
        try
        {
            var conditions = new BlobRequestConditions { IfMatch = tag };
            await container.DeleteBlobIfExistsAsync(name, conditions: conditions, cancellationToken: cancellationToken);
            return true;
        }
        catch (RequestFailedException exception) when (exception.IsRefused())
        {
            return false;
        }
    }
}
