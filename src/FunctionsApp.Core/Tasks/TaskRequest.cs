using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Tasks;

/// <summary>How a task is run, stored and reported.</summary>
public record TaskOptions : ICrossChecked
{
    /// <summary>The time limit of each attempt, in seconds; at most, and by default, <c>Limits:MaxTimeoutSeconds</c>.</summary>
    [Description("The timeout of each attempt, in seconds.")]
    public double? TimeoutSeconds { get; init; }

    /// <summary>When to retry after an error; absent means never.</summary>
    [Description("When to retry after an error; by default never.")]
    public RetryPolicy? Retry { get; init; }

    /// <summary>Where to deliver the task when it has succeeded.</summary>
    [Description("The destination of the webhook if the task succeeds.")]
    public TaskContinuation? OnSuccess { get; init; }

    /// <summary>Where to deliver the task when it has failed or was cancelled.</summary>
    [Description("The destination of the webhook if the task fails or is cancelled.")]
    public TaskContinuation? OnError { get; init; }

    /// <summary>How long the task is kept after its end, in seconds; at most 30 days. Default <c>Tasks:DefaultTtlSeconds</c>.</summary>
    [Description("How long the task is kept after its end, in seconds; at most 30 days.")]
    public double? TtlSeconds { get; init; }

    /// <inheritdoc/>
    public virtual IEnumerable<(string Property, string Message)> Check()
    {
        if (TtlSeconds is not (null or > 0 and <= TasksOptions.MaxTtlSeconds))
        {
            yield return ("ttlSeconds", "must be more than 0 and at most 2592000 (30 days)");
        }
    }
}

/// <summary>An operation to run as a task.</summary>
public sealed record TaskRequest : TaskOptions
{
    /// <summary>The operation's input.</summary>
    [Description("The operation's input.")]
    public RawJson? Input { get; init; }
}

/// <summary>A pattern to run as a task.</summary>
public sealed record PatternTaskRequest : TaskOptions
{
    /// <summary>The pattern.</summary>
    [Description("The pattern to run.")]
    public required string Pattern { get; init; }

    /// <summary>The operation of a map; the map's request may name it instead.</summary>
    [Description("The operation of a map. It can be in the request instead.")]
    public string? Operation { get; init; }

    /// <summary>The pattern's own request.</summary>
    [Description("The request body of the pattern's own endpoint.")]
    public required RawJson Request { get; init; }
}

/// <summary>A URL that the end of a task is delivered to.</summary>
public sealed record TaskContinuation
{
    /// <summary>An http or https URL.</summary>
    [Description("An http or https URL, to which the app posts a signed webhook.")]
    public required string Url { get; init; }
}

/// <summary>The filter of a list of tasks.</summary>
public sealed record TaskListRequest
{
    /// <summary>The default page size.</summary>
    public const int DefaultLimit = 50;

    /// <summary>Only tasks in this state.</summary>
    [Description("Only tasks with this status.")]
    public TaskState? Status { get; init; }

    /// <summary>Only tasks of this operation.</summary>
    [Description("Only tasks of this operation.")]
    public string? Operation { get; init; }

    /// <summary>The maximum number of tasks. Default 50.</summary>
    [Description("The maximum number of tasks."), Range(1, 1_000), DefaultValue(DefaultLimit)]
    public int? Limit { get; init; }

    /// <summary>The <c>nextCursor</c> of the last page.</summary>
    [Description("The nextCursor of the page before.")]
    public string? Cursor { get; init; }
}

/// <summary>What the transport provides about the request that creates a task.</summary>
/// <param name="Path">The path of all tasks, such as <c>/api/tasks</c>.</param>
/// <param name="IdempotencyKey">The caller's key; a repeated request with it gets the same task.</param>
/// <param name="Fingerprint">A digest of the whole request. It distinguishes a repetition from another request with the same key.</param>
public sealed record TaskOrigin(string Path, string? IdempotencyKey = null, string? Fingerprint = null);
