using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Patterns.Await;

/// <summary>What one operation came to.</summary>
/// <param name="Operation">Its name.</param>
/// <param name="Result">Its result.</param>
/// <param name="ElapsedMs">How long it took, in milliseconds.</param>
public sealed record AwaitResponse(string Operation, RawJson Result, double ElapsedMs);
