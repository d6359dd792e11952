using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Patterns.Await;

/// <summary>The response of one operation.</summary>
/// <param name="Operation">The operation's name.</param>
/// <param name="Result">Its result.</param>
/// <param name="ElapsedMs">How long it took, in milliseconds.</param>
public sealed record AwaitResponse(string Operation, RawJson Result, double ElapsedMs);
