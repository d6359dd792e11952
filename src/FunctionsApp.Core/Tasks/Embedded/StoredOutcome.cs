using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>A large outcome of a task. Each part is a read of its own, so that a slow reader keeps no transaction open.</summary>
internal sealed class StoredOutcome(TaskStore store, long task) : StoredJson
{
    /// <summary>A smaller outcome is read at once.</summary>
    public const int MinBytes = 64 * 1024;

    public override int Read(long offset, Memory<byte> buffer) => store.Read(queries => queries.ReadPayload(task, offset, buffer.Span));
}
