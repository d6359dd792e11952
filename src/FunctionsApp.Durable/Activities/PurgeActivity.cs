using Microsoft.DurableTask;
using OrchestrationStatus = DurableTask.Core.OrchestrationStatus;

namespace FunctionsApp.Durable.Activities;

/// <summary>Deletes the history of a task that has expired, which its orchestration cannot do itself.</summary>
internal sealed class PurgeActivity(TaskHub hub, TimeProvider time) : TaskActivity<string, object?>
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public override async Task<object?> RunAsync(TaskActivityContext context, string input)
    {
        for (var waited = TimeSpan.Zero; waited < Patience; waited += Pause)
        {
            if (await hub.FindAsync(input) is not { } instance)
            {
                return null;
            }

            if (instance.OrchestrationStatus is OrchestrationStatus.Completed)
            {
                await hub.PurgeAsync(input);
                return null;
            }

            await Task.Delay(Pause, time);
        }

        throw new InvalidOperationException($"The orchestration of task {input} has not completed.");
    }
}
