using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Gather;

/// <summary>What a gather came to.</summary>
/// <param name="Results">How each call ended, in the order of the calls.</param>
/// <param name="CompletionOrder">The indexes of the calls in the order in which they ended; cancelled ones are not among them.</param>
/// <param name="Succeeded">How many succeeded.</param>
/// <param name="Failed">How many failed.</param>
/// <param name="Cancelled">How many were cancelled, or never started.</param>
/// <param name="ElapsedMs">How long the whole took, in milliseconds.</param>
public sealed record GatherResponse(
    IReadOnlyList<GatherResult> Results, IReadOnlyList<int> CompletionOrder, int Succeeded, int Failed, int Cancelled, double ElapsedMs);

/// <summary>A result of a gather as it completes, or the summary at the end.</summary>
/// <param name="Result">How one call ended; null at the end.</param>
/// <param name="Summary">The summary; null before the end.</param>
public readonly record struct GatherEvent(GatherResult? Result, GatherSummary? Summary);

/// <summary>What a gather came to, without its results.</summary>
/// <param name="Succeeded">How many calls succeeded.</param>
/// <param name="Failed">How many failed.</param>
/// <param name="Cancelled">How many were cancelled, or never started.</param>
/// <param name="ElapsedMs">How long the whole took, in milliseconds.</param>
public sealed record GatherSummary(int Succeeded, int Failed, int Cancelled, double ElapsedMs);

/// <summary>How one call ended.</summary>
/// <param name="Index">Its place among the calls, from 0.</param>
/// <param name="Id">The caller's own name for it.</param>
/// <param name="Operation">The operation's name.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Result">Its result, when it succeeded.</param>
/// <param name="Error">Its problem, when it failed.</param>
/// <param name="StartedMs">Milliseconds from the start of the request; when it was cancelled, for a call that never started.</param>
/// <param name="FinishedMs">Milliseconds from the start of the request.</param>
public sealed record GatherResult(
    int Index, string? Id, string Operation, CallStatus Status, RawJson? Result, Problem? Error, double StartedMs, double FinishedMs);

/// <summary>How a call ended.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CallStatus>))]
public enum CallStatus
{
    /// <summary>With a result.</summary>
    [JsonStringEnumMemberName("succeeded")]
    Succeeded,

    /// <summary>With a problem.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,

    /// <summary>Because another call decided the whole.</summary>
    [JsonStringEnumMemberName("cancelled")]
    Cancelled,
}
