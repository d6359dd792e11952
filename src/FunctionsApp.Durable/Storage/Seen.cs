using Azure;
using FunctionsApp.Durable.Records;

namespace FunctionsApp.Durable.Storage;

/// <summary>The state of a task's attempts as a process has seen it.</summary>
/// <param name="State">The state.</param>
/// <param name="Tag">The tag of the blob; null if there was none.</param>
internal sealed record SeenState(AttemptState State, ETag? Tag);

/// <summary>The task of an idempotency key as a process has seen it.</summary>
/// <param name="Entry">The task.</param>
/// <param name="Tag">The tag of the blob.</param>
internal sealed record SeenKey(KeyEntry Entry, ETag Tag);
