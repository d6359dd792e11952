using Azure;

namespace FunctionsApp.Durable.Storage;

/// <summary>A blob as this process has seen it. A change on condition of the tag fails if another process has changed it since.</summary>
/// <param name="Value">The contents.</param>
/// <param name="Tag">The tag; null if there was no blob.</param>
internal sealed record Seen<T>(T Value, ETag? Tag);
