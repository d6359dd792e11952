using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tasks;

/// <summary>
/// Accepts tasks, runs each with a <see cref="TaskRunner"/>, and remembers them until they expire. What it has said of a
/// task holds whatever is killed when. An engine over an orchestrator maps one task to one orchestration: the id to the
/// instance id, progress and deliveries to the custom status, cancelling to termination, expiry to purging, a page to a
/// query with its continuation token.
/// </summary>
public interface ITaskEngine
{
    /// <summary>What configuration and logs call this engine.</summary>
    string Name { get; }

    /// <summary>Accepts a task; when this returns it is kept safely, and will run.</summary>
    /// <param name="definition">What is asked of it.</param>
    /// <param name="input">The work's input: the operation's, or the pattern's request.</param>
    /// <returns>The task; an earlier one when its idempotency key is that of one with the same fingerprint.</returns>
    /// <exception cref="ProblemException">
    /// <c>idempotency-key-reused</c>; <c>saturated</c> when too many wait or too much is kept; <c>storage-failed</c>: then it
    /// has not been accepted.
    /// </exception>
    Task<TaskRecord> CreateAsync(TaskDefinition definition, RawJson input);

    /// <summary>Finds a task.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The task; null when there is none, or none any more.</returns>
    ValueTask<TaskView?> FindAsync(string id);

    /// <summary>Waits for a task to change.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="after">The revision that is known already.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The task as soon as it is past that revision or has ended; null when there is none.</returns>
    ValueTask<TaskView?> WaitAsync(string id, long after, CancellationToken cancellationToken);

    /// <summary>Reads what a task came to.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The result of a task that has succeeded, the problem of one that has failed; null when there is neither, or the task has expired.</returns>
    /// <exception cref="ProblemException"><c>storage-failed</c>.</exception>
    ValueTask<RawJson?> ReadOutcomeAsync(string id);

    /// <summary>Cancels a task: what has not started never will, and what runs is stopped.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The task as it is cancelled, or as it had ended before; null when there is none.</returns>
    /// <exception cref="ProblemException"><c>storage-failed</c>: the work is stopped all the same.</exception>
    Task<TaskView?> CancelAsync(string id);

    /// <summary>Lists tasks, newest first.</summary>
    /// <param name="query">Which.</param>
    ValueTask<TaskPage> ListAsync(TaskQuery query);

    /// <summary>Sends the webhook of a task that has ended once more, and goes on by the schedule should that fail.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The task; null when there is none. One without a delivery stays as it is.</returns>
    /// <exception cref="ProblemException"><c>storage-failed</c>.</exception>
    Task<TaskRecord?> RedeliverAsync(string id);

    /// <summary>Does nothing while a new task could be kept, as far as is known; writes nothing to find that out.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>.</exception>
    void EnsureReady();
}

/// <summary>A task as it is now.</summary>
/// <param name="Record">What is kept of it.</param>
/// <param name="Revision">Grows with every change, progress included, and across restarts.</param>
public readonly record struct TaskView(TaskRecord Record, long Revision);

/// <summary>Which tasks to list.</summary>
/// <param name="State">Only those in this state.</param>
/// <param name="Operation">Only those of this operation.</param>
/// <param name="Limit">At most so many.</param>
/// <param name="Cursor">Where the last page ended; null for the first.</param>
public sealed record TaskQuery(TaskState? State, string? Operation, int Limit, string? Cursor);

/// <summary>Some tasks.</summary>
/// <param name="Items">Newest first; may be fewer than asked for although there are more.</param>
/// <param name="NextCursor">Where the next page begins; null when there are no more.</param>
public sealed record TaskPage(IReadOnlyList<TaskRecord> Items, string? NextCursor);
