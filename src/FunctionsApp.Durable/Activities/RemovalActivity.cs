using FunctionsApp.Durable.Orchestration;

namespace FunctionsApp.Durable.Activities;

/// <summary>Deletes the blobs of a task that has expired.</summary>
internal sealed class RemovalActivity(TaskHub hub)
{
    /// <summary>Deletes them.</summary>
    public Task RunAsync(Removal removal) => hub.Blobs.DeleteAsync(removal.Id, removal.IdempotencyKey, CancellationToken.None);
}
