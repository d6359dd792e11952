using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>A large outcome of a task. Each part is a read of its own, so that a slow reader keeps no transaction open.</summary>
internal sealed class StoredOutcome(TaskStore store, long task) : StoredJson
{
    /// <summary>A smaller outcome is read at once.</summary>
    private const int MinBytes = 64 * 1024;

    /// <summary>Finds what a task came to; null when it has not ended, or was cancelled.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c> when it is lost.</exception>
    public static RawJson? Find(TaskStore store, string id) => store.Read(queries =>
        queries.Find(id) is not { State: TaskState.Succeeded or TaskState.Failed } task ? (RawJson?)null
        : queries.PayloadLength(task.Sequence) > MinBytes ? RawJson.From(new StoredOutcome(store, task.Sequence))
        : queries.Payload(task.Sequence) is { } outcome ? RawJson.FromUtf8(outcome)
        : throw new ProblemException(Problem.StorageFailed("What the task came to is lost.")));

    public override int Read(long offset, Memory<byte> buffer) => store.Read(queries => queries.ReadPayload(task, offset, buffer.Span));
}
