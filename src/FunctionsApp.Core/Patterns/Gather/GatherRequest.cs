using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Patterns.Gather;

/// <summary>Calls to run concurrently.</summary>
public sealed record GatherRequest : ICrossChecked
{
    /// <summary>The calls, at most <c>Limits:MaxCalls</c>.</summary>
    [Description("The calls.")]
    public required IReadOnlyList<GatherCall> Calls { get; init; }

    /// <summary>Whether a failure is one of the results. Otherwise the first failure ends the gather.</summary>
    [Description("Whether failures are results. Otherwise the first failure ends the gather."), DefaultValue(false)]
    public bool? ReturnExceptions { get; init; }

    /// <summary>How many calls run at once. Calls start in their order. Default: all.</summary>
    [Description("The maximum number of calls that run at once; default all."), Range(1, 1_000_000)]
    public int? MaxConcurrency { get; init; }

    /// <summary>The time limit of the gather, in seconds. Maximum and default: <c>Limits:MaxTimeoutSeconds</c>.</summary>
    [Description("The timeout of the gather, in seconds.")]
    public double? TimeoutSeconds { get; init; }

    /// <summary>When to respond.</summary>
    [Description("When the gather ends."), DefaultValue("allCompleted")]
    public ReturnWhen? ReturnWhen { get; init; }

    /// <inheritdoc/>
    public IEnumerable<(string Property, string Message)> Check()
    {
        if (Calls.Count == 0 && (ReturnWhen ?? default) != default)
        {
            yield return ("calls", "must have at least one call for this returnWhen");
        }
    }
}

/// <summary>One call of a gather.</summary>
public sealed record GatherCall
{
    /// <summary>The operation's name; io or cpu.</summary>
    [Description("The operation's name; io or cpu.")]
    public required string Operation { get; init; }

    /// <summary>The operation's input.</summary>
    [Description("The operation's input.")]
    public RawJson? Input { get; init; }

    /// <summary>The caller's own name for the call, returned with the result.</summary>
    [Description("An id of your own for the call. Its result has the same id."), MaxLength(200)]
    public string? Id { get; init; }

    /// <summary>The time limit of this call, in seconds from its start.</summary>
    [Description("The timeout of this call, in seconds from its start.")]
    public double? TimeoutSeconds { get; init; }
}

/// <summary>When a gather responds. It then cancels the calls that are not done.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ReturnWhen>))]
public enum ReturnWhen
{
    /// <summary>When all calls are done.</summary>
    [JsonStringEnumMemberName("allCompleted")]
    AllCompleted,

    /// <summary>When the first call has succeeded or failed.</summary>
    [JsonStringEnumMemberName("firstCompleted")]
    FirstCompleted,

    /// <summary>When the first call has succeeded.</summary>
    [JsonStringEnumMemberName("firstSucceeded")]
    FirstSucceeded,
}
