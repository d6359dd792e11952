using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Patterns.Gather;

/// <summary>Calls to run concurrently.</summary>
public sealed record GatherRequest : ICrossChecked
{
    [Description("The calls, at most Limits:MaxCalls.")]
    public required IReadOnlyList<GatherCall> Calls { get; init; }

    [Description("Whether failures are results. Otherwise the first failure ends the gather."), DefaultValue(false)]
    public bool? ReturnExceptions { get; init; }

    [Description("The maximum number of calls that run at once; default all."), Range(1, 1_000_000)]
    public int? MaxConcurrency { get; init; }

    [Description("The maximum number of calls that start in a second, evenly spread; default no limit."), Range(0.001, 1_000_000)]
    public double? MaxPerSecond { get; init; }

    [Description("The timeout of the gather, in seconds.")]
    public double? TimeoutSeconds { get; init; }

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
    [Description("The operation's name; io or cpu.")]
    public required string Operation { get; init; }

    [Description("The operation's input.")]
    public RawJson? Input { get; init; }

    [Description("An id of your own for the call. Its result has the same id."), MaxLength(200)]
    public string? Id { get; init; }

    [Description("The timeout of this call, in seconds from its start.")]
    public double? TimeoutSeconds { get; init; }
}

/// <summary>When a gather responds. It then cancels the calls that are not done.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<ReturnWhen>))]
public enum ReturnWhen
{
    /// <summary>When all calls are done.</summary>
    AllCompleted,

    /// <summary>When the first call has succeeded or failed.</summary>
    FirstCompleted,

    /// <summary>When the first call has succeeded.</summary>
    FirstSucceeded,
}
