using System.ComponentModel;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns.Sequence;

namespace FunctionsApp.Core.Patterns.Callback;

/// <summary>Work, and the continuations for its outcome.</summary>
public sealed record CallbackRequest : ICrossChecked
{
    [Description("The operation's input.")]
    public RawJson? Input { get; init; }

    [Description("The continuation for a success. #/result is the result of the work.")]
    public required Continuation OnSuccess { get; init; }

    [Description("The continuation for a failure. #/error is the problem of the work.")]
    public Continuation? OnError { get; init; }

    [Description("The timeout of the work, in seconds.")]
    public double? TimeoutSeconds { get; init; }

    /// <summary>Whether an outcome may go to a URL; the callback then runs as a task.</summary>
    [JsonIgnore]
    public bool HasUrl => OnSuccess.Url is not null || OnError?.Url is not null;

    /// <inheritdoc/>
    public IEnumerable<(string Property, string Message)> Check()
    {
        foreach (var (name, continuation) in new[] { ("onSuccess", OnSuccess), ("onError", OnError) })
        {
            if (continuation is { Operation: null, Url: null })
            {
                yield return (name, "must have an operation or a url");
            }
            else if (continuation is { Url: not null, Operation: not null } or { Url: not null, Input: not null })
            {
                yield return (name + "/url", "must not be given beside operation or input: an outcome goes to an operation or to a URL");
            }
        }
    }
}

/// <summary>Where an outcome goes: an operation or a URL.</summary>
public sealed record Continuation
{
    [Description("The operation to run with the outcome; io or cpu.")]
    public string? Operation { get; init; }

    [Description(
        "The input. {\"$ref\":\"#/result\"} or {\"$ref\":\"#/error\"} in it stands for the outcome. "
        + "Without an input the outcome is the input.")]
    public RawJson? Input { get; init; }

    [Description("An http or https URL, to which the app posts a signed webhook. The callback runs as a task.")]
    public string? Url { get; init; }
}

/// <summary>Which continuation ran.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<ContinuationKind>))]
public enum ContinuationKind
{
    /// <summary>The work succeeded.</summary>
    OnSuccess,

    /// <summary>The work failed.</summary>
    OnError,
}

/// <summary>The response of a callback.</summary>
/// <param name="Continuation">Which continuation ran.</param>
/// <param name="Result">The continuation's result.</param>
/// <param name="Timeline">When the work (0) and the continuation (1) ran.</param>
/// <param name="ElapsedMs">How long both took, in milliseconds.</param>
public sealed record CallbackResponse(
    ContinuationKind Continuation, RawJson Result, IReadOnlyList<TimelineEntry> Timeline, double ElapsedMs);

/// <summary>The outcome of a callback.</summary>
/// <param name="Result">The result of the work.</param>
/// <param name="Response">The outcome of the continuation; null when the result is for a URL.</param>
public readonly record struct CallbackOutcome(RawJson Result, CallbackResponse? Response);
