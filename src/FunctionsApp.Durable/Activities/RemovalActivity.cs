using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;

namespace FunctionsApp.Durable.Activities;

/// <summary>Deletes the blobs of a task that has expired.</summary>
internal sealed class RemovalActivity(TaskHub hub)
{
    /// <summary>Deletes them.</summary>
    public Task RunAsync(RemovalInput input) => hub.Blobs.DeleteAsync(input.Id, input.IdempotencyKey, CancellationToken.None);
}
