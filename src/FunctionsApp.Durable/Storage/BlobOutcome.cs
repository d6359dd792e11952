using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Durable.Storage;

/// <summary>A large outcome of a task, which is read in parts while it is sent.</summary>
/// <param name="blob">Where it is.</param>
/// <param name="length">Its length, in bytes.</param>
internal sealed class BlobOutcome(BlobClient blob, long length) : StoredJson
{
    public override async ValueTask<int> ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var count = (int)Math.Min(buffer.Length, length - offset);
        if (count <= 0)
        {
            return 0;
        }

        try
        {
            var options = new BlobDownloadOptions { Range = new HttpRange(offset, count) };
            var part = (await blob.DownloadContentAsync(options, cancellationToken)).Value.Content.ToMemory();
            part.CopyTo(buffer);
            return count;
        }
        catch (RequestFailedException exception)
        {
            throw new IOException("The outcome of the task can no longer be read.", exception);
        }
    }
}
