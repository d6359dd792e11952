using System.Globalization;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tasks;

/// <summary>The problems of tasks, the same with every engine.</summary>
public static class TaskProblems
{
    /// <summary>No more tasks may wait.</summary>
    /// <param name="max">The limit: <see cref="TasksOptions.MaxQueued"/>.</param>
    /// <param name="retryAfterSeconds">When to try again.</param>
    public static ProblemException QueueFull(int max, int retryAfterSeconds) => new(Problem.Saturated(
        string.Create(CultureInfo.InvariantCulture, $"The task queue has its maximum of {max} tasks (Tasks:MaxQueued)."),
        retryAfterSeconds));

    /// <summary>There is no room for the input of a new task.</summary>
    /// <param name="max">The limit: <see cref="TasksOptions.MaxStateBytes"/>.</param>
    public static ProblemException StateFull(long max) => new(Problem.Saturated(
        string.Create(CultureInfo.InvariantCulture, $"The stored tasks take the maximum of {max} bytes (Tasks:MaxStateBytes)."),
        retryAfterSeconds: 60));

    /// <summary>There is no room for the result of a task.</summary>
    /// <param name="bytes">The length of the result.</param>
    public static Problem NoRoomForResult(long bytes) => Problem.TooLarge(
        string.Create(CultureInfo.InvariantCulture, $"There is no space for the result of {bytes} bytes (Tasks:MaxStateBytes)."));

    /// <summary>The last attempt of a task was interrupted.</summary>
    /// <param name="attempts">The number of attempts.</param>
    public static Problem Interrupted(int attempts) => Problem.Interrupted(string.Create(CultureInfo.InvariantCulture,
        $"The host ended while the task ran, and no attempt is left (retry.maxAttempts: {attempts})."));

    /// <summary>What is stored of a task cannot be read.</summary>
    /// <param name="what">Which part of it.</param>
    public static Problem Unreadable(string what = "The stored data of the task") => Problem.StorageFailed(
        $"{what} cannot be read: another version of the app wrote it, or it was changed. The log has the cause.");

    /// <summary>A new task could not be stored, and does not exist.</summary>
    public static ProblemException NotAccepted() => new(Problem.StorageFailed("The task could not be stored, and has not been accepted."));

    /// <summary>The webhook of a task will not be sent again: the detail of <c>storage-failed</c>.</summary>
    public const string RedeliveryNotStored = "The redelivery of the webhook could not be stored.";

    /// <summary>The cursor of a list is invalid.</summary>
    public static ProblemException InvalidCursor() => new(Problem.InvalidRequest("/cursor", "must be the nextCursor of an earlier page"));
}
