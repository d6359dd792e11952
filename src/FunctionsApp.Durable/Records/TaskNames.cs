namespace FunctionsApp.Durable.Records;

/// <summary>The names in the history of a task's orchestration. If one changes, stored tasks cannot go on.</summary>
internal static class TaskNames
{
    /// <summary>
    /// The version of the orchestration's steps. Every change of the steps or their order needs a new version beside the old one: a task
    /// goes on by the steps of its creation. A process does not run tasks of a later version.
    /// </summary>
    public const string Version = "1.0";

    /// <summary>The orchestration of a task: <see cref="FunctionsApp.Durable.Orchestration.TaskOrchestrator.RunAsync"/>.</summary>
    public const string Orchestration = "Task";

    /// <summary>The activity that makes an attempt: <see cref="Activities.AttemptActivity.RunAsync"/>.</summary>
    public const string Attempt = "TaskAttempt";

    /// <summary>The activity that sends the webhook once: <see cref="Activities.DeliveryActivity.RunAsync"/>.</summary>
    public const string Delivery = "TaskDelivery";

    /// <summary>The event that cancels the task.</summary>
    public const string Cancel = "cancel";

    /// <summary>The event that sends the webhook again.</summary>
    public const string Redeliver = "redeliver";
}
