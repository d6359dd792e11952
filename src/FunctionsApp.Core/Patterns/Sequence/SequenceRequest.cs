using System.ComponentModel;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Patterns.Sequence;

/// <summary>Steps to run one after the other.</summary>
public sealed record SequenceRequest
{
    /// <summary>The steps, at most <c>Limits:MaxCalls</c>.</summary>
    [Description("The steps, in order.")]
    public required IReadOnlyList<SequenceStep> Steps { get; init; }

    /// <summary>The time limit of the sequence, in seconds. Maximum and default: <c>Limits:MaxTimeoutSeconds</c>.</summary>
    [Description("The timeout of the sequence, in seconds.")]
    public double? TimeoutSeconds { get; init; }
}

/// <summary>One step of a sequence.</summary>
public sealed record SequenceStep
{
    /// <summary>The operation's name; io or cpu.</summary>
    [Description("The operation's name; io or cpu.")]
    public required string Operation { get; init; }

    /// <summary>
    /// The operation's input. An object <c>{"$ref":"#/results/0/body"}</c> anywhere in it stands for that part of an
    /// earlier step's result.
    /// </summary>
    [Description("The operation's input. {\"$ref\":\"#/results/0\"} anywhere in it stands for an earlier result.")]
    public RawJson? Input { get; init; }
}

/// <summary>The response of a sequence.</summary>
/// <param name="Results">The result of each step.</param>
/// <param name="Timeline">When each step ran.</param>
/// <param name="ElapsedMs">How long the sequence took, in milliseconds.</param>
public sealed record SequenceResponse(IReadOnlyList<RawJson> Results, IReadOnlyList<TimelineEntry> Timeline, double ElapsedMs);

/// <summary>When one of several operations ran.</summary>
/// <param name="Index">The operation's place, from 0.</param>
/// <param name="Operation">The operation's name.</param>
/// <param name="StartedMs">Milliseconds from the start of the request.</param>
/// <param name="FinishedMs">Milliseconds from the start of the request.</param>
public sealed record TimelineEntry(int Index, string Operation, double StartedMs, double FinishedMs);
