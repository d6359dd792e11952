using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Embedded;

/// <summary>A large outcome of a task. Each part is a separate read, so that a slow reader keeps no transaction open.</summary>
internal sealed class DatabaseOutcome(DatabaseAccess database, long task) : StoredJson
{
    /// <summary>Smaller outcomes are read at once.</summary>
    private const int MinBytes = 64 * 1024;

    /// <summary>Finds the result or the problem of a task; null when it has not ended, was cancelled, or has expired.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>: the database holds the task without its outcome.</exception>
    public static RawJson? Find(DatabaseAccess database, string id) => database.Read(queries =>
        queries.Find(id) is not { State: TaskState.Succeeded or TaskState.Failed } task ? (RawJson?)null
        : task.Flaw is not null ? TaskOutcome.Failed(TaskProblems.Unreadable()).Value
        : queries.PayloadLength(task.Sequence) > MinBytes ? RawJson.From(new DatabaseOutcome(database, task.Sequence))
        : queries.Payload(task.Sequence) is { } outcome ? RawJson.FromUtf8(outcome)

        // Each query sees the current database: the task can expire between two of them.
        : queries.Find(id) is null ? null
        : throw new ProblemException(Problem.StorageFailed("The outcome of the task is missing from the database.")));

    public override ValueTask<int> ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken) =>
        new(database.Read(queries => queries.ReadPayload(task, offset, buffer.Span)));
}
