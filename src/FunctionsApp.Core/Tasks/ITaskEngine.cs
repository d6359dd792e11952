using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tasks;

/// <summary>
/// Accepts tasks, runs each with a <see cref="TaskRunner"/>, and keeps them until they expire. What it has reported of a task
/// survives any crash.
/// </summary>
public interface ITaskEngine
{
    /// <summary>The engine's name in configuration and logs.</summary>
    string Name { get; }

    /// <summary>Accepts a task. On return it is stored durably, and will run.</summary>
    /// <param name="definition">What to run, and how.</param>
    /// <param name="input">The work's input: the operation's, or the pattern's request.</param>
    /// <returns>The task; an earlier one if that has the same idempotency key and fingerprint.</returns>
    /// <exception cref="ProblemException">
    /// <c>idempotency-key-reused</c>; <c>saturated</c> when too many wait or too much is stored; <c>storage-failed</c>: the task
    /// has not been accepted or, where the problem has an id, may have been: the same key finds it.
    /// </exception>
    Task<TaskRecord> CreateAsync(TaskDefinition definition, RawJson input);

    /// <summary>Finds a task.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The task; null if it does not exist or has expired.</returns>
    ValueTask<TaskView?> FindAsync(string id);

    /// <summary>Waits for a task to change.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="after">The revision that the caller already knows.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The task as soon as it is past that revision or has ended; null if it does not exist.</returns>
    ValueTask<TaskView?> WaitAsync(string id, long after, CancellationToken cancellationToken);

    /// <summary>Reads the outcome of a task.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>
    /// The result of a task that has succeeded, the problem of one that has failed; null if there is neither, or the task has been
    /// deleted.
    /// </returns>
    /// <exception cref="ProblemException"><c>storage-failed</c>.</exception>
    ValueTask<RawJson?> ReadOutcomeAsync(string id);

    /// <summary>Cancels a task: a queued task never starts, and a running attempt is stopped.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The cancelled task, or the task as it had ended before; null if it does not exist.</returns>
    /// <exception cref="ProblemException"><c>storage-failed</c>: the work is stopped nevertheless.</exception>
    Task<TaskView?> CancelAsync(string id);

    /// <summary>Lists tasks, the newest of a page first. Where one store has all tasks, pages are in that order too.</summary>
    /// <param name="query">The filter.</param>
    ValueTask<TaskPage> ListAsync(TaskQuery query);

    /// <summary>Sends the webhook of a task that has ended again, and retries by the schedule if that fails.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The task; null if it does not exist. A task without a delivery stays as it is.</returns>
    /// <exception cref="ProblemException"><c>storage-failed</c>.</exception>
    Task<TaskRecord?> RedeliverAsync(string id);

    /// <summary>Throws if a new task could not be stored, as far as is known. Writes nothing to test that.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>.</exception>
    void EnsureReady();
}

/// <summary>A task as it is now.</summary>
/// <param name="Record">The stored state.</param>
/// <param name="Revision">Grows with every change, progress included, and across restarts.</param>
public readonly record struct TaskView(TaskRecord Record, long Revision);

/// <summary>The filter of a list of tasks.</summary>
/// <param name="State">Only those in this state.</param>
/// <param name="Operation">Only those of this operation.</param>
/// <param name="Limit">The maximum number of tasks.</param>
/// <param name="Cursor">Where the last page ended; null for the first.</param>
public sealed record TaskQuery(TaskState? State, string? Operation, int Limit, string? Cursor);

/// <summary>A page of tasks.</summary>
/// <param name="Items">Newest first; may be fewer than the limit although there are more.</param>
/// <param name="NextCursor">Where the next page begins; null when there are no more.</param>
public sealed record TaskPage(IReadOnlyList<TaskRecord> Items, string? NextCursor);
