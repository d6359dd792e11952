using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Tasks;

/// <summary>A task as its callers see it.</summary>
public sealed record TaskResponse
{
    /// <summary>128 random bits in hexadecimal: any caller that knows it may read and cancel the task.</summary>
    public required string Id { get; init; }

    /// <summary>The operation it runs; absent for a sequence and a gather.</summary>
    public string? Operation { get; init; }

    /// <summary>The pattern it runs; absent for an operation.</summary>
    public string? Pattern { get; init; }

    /// <summary>Its state.</summary>
    public required TaskState Status { get; init; }

    /// <summary>When it was accepted.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When its first attempt started.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>The number of attempts that have started.</summary>
    public required int Attempts { get; init; }

    /// <summary>When the next attempt starts, while it waits for that.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }

    /// <summary>Its progress.</summary>
    public Progress? Progress { get; init; }

    /// <summary>Its result, if it has succeeded.</summary>
    public RawJson? Result { get; init; }

    /// <summary>Its problem, if it has failed; in a list only the type of it.</summary>
    public RawJson? Error { get; init; }

    /// <summary>When it is deleted; until its end, the earliest possible time.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>The paths that read, cancel and watch the task, and manage its webhook.</summary>
    public required TaskLinks Links { get; init; }

    /// <summary>Creates a response.</summary>
    /// <param name="record">The task.</param>
    /// <param name="outcome">The outcome; null to omit it, except the type of a problem.</param>
    public static TaskResponse Of(TaskRecord record, RawJson? outcome = null)
    {
        var definition = record.Definition;
        var self = $"{definition.Path}/{record.Id}";
        return new TaskResponse
        {
            Id = record.Id,
            Operation = definition.Operation,
            Pattern = string.Equals(definition.Pattern, AwaitService.Name, StringComparison.Ordinal) ? null : definition.Pattern,
            Status = record.State,
            CreatedAt = record.CreatedAt,
            StartedAt = record.StartedAt,
            FinishedAt = record.FinishedAt,
            Attempts = record.Attempts,
            NextAttemptAt = record.NextAttemptAt,
            Progress = record.Progress,
            Result = record.State == TaskState.Succeeded ? outcome : null,
            Error = record.State == TaskState.Failed ? outcome ?? TypeOf(record.Error) : null,
            ExpiresAt = record.ExpiresAt,
            Links = new TaskLinks(self, $"{self}/events", $"{self}/deliveries"),
        };
    }

    private static RawJson? TypeOf(string? slug) =>
        slug is null ? null : RawJson.FromUtf8(Encoding.UTF8.GetBytes($$"""{"type":"{{JsonEncodedText.Encode(Problem.TypeOf(slug))}}"}"""));
}

/// <summary>The paths of a task.</summary>
/// <param name="Self">The task: <c>GET</c> reads it, <c>DELETE</c> cancels it.</param>
/// <param name="Events">Its changes as server-sent events.</param>
/// <param name="Deliveries">Its webhook: <c>GET</c> lists the attempts, <c>POST</c> sends it again.</param>
public sealed record TaskLinks(string Self, string Events, string Deliveries);

/// <summary>A page of tasks, newest first, without their outcomes: of a problem, each has only the type.</summary>
/// <param name="Items">The tasks; may be fewer than the limit although there are more.</param>
/// <param name="NextCursor">Where the next page begins; absent when there are no more.</param>
public sealed record TaskList(IReadOnlyList<TaskResponse> Items, string? NextCursor);

/// <summary>The webhook of a task, and its delivery state.</summary>
/// <param name="Items">The attempts, oldest first.</param>
/// <param name="WebhookId">The id that every attempt carries; absent if there is nothing to deliver.</param>
/// <param name="Url">The webhook's URL.</param>
/// <param name="State">Whether it is pending, delivered or has failed.</param>
/// <param name="NextAttemptAt">When it is sent next, while it is pending.</param>
public sealed record DeliveryList(
    IReadOnlyList<DeliveryAttempt> Items, string? WebhookId = null, Uri? Url = null, DeliveryState? State = null,
    DateTimeOffset? NextAttemptAt = null);

/// <summary>A change of a task.</summary>
/// <param name="Id">Grows with every change. A client can resume from it.</param>
/// <param name="Task">The task after the change.</param>
public readonly record struct TaskEvent(long Id, TaskResponse Task);
