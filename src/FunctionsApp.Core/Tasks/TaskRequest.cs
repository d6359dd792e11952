using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Tasks;

/// <summary>How a task is run, stored and reported.</summary>
public record TaskOptions : ICrossChecked
{
    [Description("The timeout of each attempt, in seconds.")]
    public double? TimeoutSeconds { get; init; }

    [Description("When to retry after an error; by default never.")]
    public RetryPolicy? Retry { get; init; }

    [Description("The destination of the webhook if the task succeeds.")]
    public TaskContinuation? OnSuccess { get; init; }

    [Description("The destination of the webhook if the task fails or is cancelled.")]
    public TaskContinuation? OnError { get; init; }

    [Description("How long the task is kept after its end, in seconds. Default: Tasks:DefaultTtlSeconds.")]
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
    [Description("The operation's input.")]
    public RawJson? Input { get; init; }
}

/// <summary>A pattern to run as a task.</summary>
public sealed record PatternTaskRequest : TaskOptions
{
    [Description("The pattern to run.")]
    public required string Pattern { get; init; }

    [Description("The operation of a map. It can be in the request instead.")]
    public string? Operation { get; init; }

    [Description("The request body of the pattern's own endpoint.")]
    public required RawJson Request { get; init; }
}

/// <summary>A URL that the end of a task is delivered to.</summary>
public sealed record TaskContinuation
{
    [Description("An http or https URL, to which the app posts a signed webhook.")]
    public required string Url { get; init; }
}

/// <summary>The filter of a list of tasks.</summary>
public sealed record TaskListRequest
{
    /// <summary>The default page size.</summary>
    public const int DefaultLimit = 50;

    [Description("Only tasks with this status.")]
    public TaskState? Status { get; init; }

    [Description("Only tasks of this operation.")]
    public string? Operation { get; init; }

    [Description("The maximum number of tasks."), Range(1, 1_000), DefaultValue(DefaultLimit)]
    public int? Limit { get; init; }

    [Description("The nextCursor of the page before.")]
    public string? Cursor { get; init; }
}

/// <summary>What the transport provides about the request that creates a task.</summary>
/// <param name="Path">The path of all tasks, such as <c>/api/tasks</c>.</param>
/// <param name="IdempotencyKey">The caller's key; a repeated request with it gets the same task.</param>
/// <param name="Fingerprint">A digest of the whole request. It distinguishes a repetition from another request with the same key.</param>
public sealed record TaskOrigin(string Path, string? IdempotencyKey = null, string? Fingerprint = null);
