using System.Text.Json;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Durable.Storage;

/// <summary>Reads records in blobs, and changes them only if no other process has changed them.</summary>
internal static class ConditionalBlobs
{
    private const int NotFound = 404;

    /// <summary>Returns the text of a record that is stored. <see cref="CoreJson.ReadStored"/> reads it.</summary>
    public static string Serialize<T>(T record) => JsonSerializer.Serialize(record, CoreJson.StoredTypeInfo<T>());

    /// <summary>Reads a blob; null if there is none.</summary>
    public static async Task<BlobDownloadResult?> DownloadAsync(
        this BlobContainerClient container, string name, CancellationToken cancellationToken)
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

    /// <summary>Reads a record; null if there is none.</summary>
    /// <exception cref="UnreadableDataException">The blob exists and cannot be read.</exception>
    public static async Task<Seen<T>?> FindAsync<T>(this BlobContainerClient container, string name, CancellationToken cancellationToken)
        where T : class
    {
        if (await container.DownloadAsync(name, cancellationToken) is not { } blob)
        {
            return null;
        }

        try
        {
            return new Seen<T>(CoreJson.ReadStored<T>(blob.Content.ToMemory().Span), blob.Details.ETag);
        }
        catch (JsonException exception)
        {
            throw new UnreadableDataException(name, exception);
        }
    }

    /// <summary>Writes a record; returns null if another process has changed it.</summary>
    /// <param name="container">Where.</param>
    /// <param name="name">The name of the blob.</param>
    /// <param name="value">The record.</param>
    /// <param name="tag">The tag of the blob that is replaced; null if there must be none.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="metadata">The metadata of the blob.</param>
    public static async Task<Seen<T>?> TryWriteAsync<T>(
        this BlobContainerClient container, string name, T value, ETag? tag, CancellationToken cancellationToken,
        IDictionary<string, string>? metadata = null)
    {
        try
        {
            var text = BinaryData.FromString(Serialize(value));
            var options = new BlobUploadOptions { Conditions = Unless(tag), Metadata = metadata };
            return new Seen<T>(value, (await container.GetBlobClient(name).UploadAsync(text, options, cancellationToken)).Value.ETag);
        }
        catch (RequestFailedException exception) when (exception.IsRefused())
        {
            return null;
        }
    }

    /// <summary>Deletes a blob; returns false if another process has changed it.</summary>
    public static async Task<bool> TryDeleteAsync(
        this BlobContainerClient container, string name, ETag? tag, CancellationToken cancellationToken)
    {
        try
        {
            await container.DeleteBlobIfExistsAsync(name, conditions: Unless(tag), cancellationToken: cancellationToken);
            return true;
        }
        catch (RequestFailedException exception) when (exception.IsRefused())
        {
            return false;
        }
    }

    /// <summary>The condition that a blob has not changed, or that there is none.</summary>
    public static BlobRequestConditions Unless(ETag? tag) =>
        tag is { } known ? new() { IfMatch = known } : new() { IfNoneMatch = ETag.All };

    /// <summary>Whether the condition of a request was not met. Storage has other conflicts, which are errors.</summary>
    public static bool IsRefused(this RequestFailedException exception) =>
        exception.ErrorCode == BlobErrorCode.BlobAlreadyExists || exception.ErrorCode == BlobErrorCode.ConditionNotMet;
}
