using FunctionsApp.Durable.Orchestration;
using Microsoft.DurableTask;

namespace FunctionsApp.Durable.Activities;

/// <summary>Deletes the blobs of a task that has expired.</summary>
internal sealed class RemovalActivity(TaskHub hub) : TaskActivity<Removal, object?>
{
    /// <inheritdoc/>
    public override async Task<object?> RunAsync(TaskActivityContext context, Removal input)
    {
        await hub.Blobs.DeleteAsync(input.Id, input.IdempotencyKey, CancellationToken.None);
        return null;
    }
}
