using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Gather;

/// <summary>The response of a gather.</summary>
/// <param name="Results">How each call ended, in the order of the calls.</param>
/// <param name="CompletionOrder">The indexes of the calls in the order in which they ended, without cancelled calls.</param>
/// <param name="Succeeded">How many calls succeeded.</param>
/// <param name="Failed">How many calls failed.</param>
/// <param name="Cancelled">How many calls were cancelled or never started.</param>
/// <param name="ElapsedMs">How long the gather took, in milliseconds.</param>
public sealed record GatherResponse(
    IReadOnlyList<GatherResult> Results, IReadOnlyList<int> CompletionOrder, int Succeeded, int Failed, int Cancelled, double ElapsedMs);

/// <summary>The result of one call, or the summary at the end.</summary>
/// <param name="Result">How one call ended; null at the end.</param>
/// <param name="Summary">The summary; null before the end.</param>
public readonly record struct GatherEvent(GatherResult? Result, GatherSummary? Summary);

/// <summary>The outcome of a gather without its results.</summary>
/// <param name="Succeeded">How many calls succeeded.</param>
/// <param name="Failed">How many calls failed.</param>
/// <param name="Cancelled">How many calls were cancelled or never started.</param>
/// <param name="ElapsedMs">How long the gather took, in milliseconds.</param>
public sealed record GatherSummary(int Succeeded, int Failed, int Cancelled, double ElapsedMs);

/// <summary>The outcome of one call.</summary>
/// <param name="Index">The call's place, from 0.</param>
/// <param name="Id">The caller's own name for the call.</param>
/// <param name="Operation">The operation's name.</param>
/// <param name="Status">How the call ended.</param>
/// <param name="Result">The result of a call that succeeded.</param>
/// <param name="Error">The problem of a call that failed.</param>
/// <param name="StartedMs">Milliseconds from the start of the request. A call that never started has the time of its cancellation.</param>
/// <param name="FinishedMs">Milliseconds from the start of the request.</param>
public sealed record GatherResult(
    int Index, string? Id, string Operation, CallStatus Status, RawJson? Result, Problem? Error, double StartedMs, double FinishedMs);

/// <summary>How a call ended.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<CallStatus>))]
public enum CallStatus
{
    /// <summary>With a result.</summary>
    Succeeded,

    /// <summary>With a problem.</summary>
    Failed,

    /// <summary>Cancelled, because another call ended the gather.</summary>
    Cancelled,
}
