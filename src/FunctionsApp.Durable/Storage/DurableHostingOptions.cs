namespace FunctionsApp.Durable.Storage;

/// <summary>How the host runs the orchestrations and activities of tasks.</summary>
public sealed record DurableHostingOptions
{
    /// <summary>Whether the Durable Functions extension of the Functions host runs them. Otherwise a worker in this process does.</summary>
    public bool HasExtension { get; set; }

    /// <summary>
    /// The longest time that the host lets an activity take; null for any time. An attempt that waits for its turn does so within it.
    /// </summary>
    public TimeSpan? MaxActivityTime { get; set; }

    /// <summary>
    /// The number of control queues: it bounds how many processes run orchestrations, and cannot be changed for a hub that exists.
    /// </summary>
    public int PartitionCount { get; set; } = 4;
}
