using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Tasks;

/// <summary>Where a task is on its way.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TaskState>))]
public enum TaskState
{
    /// <summary>It waits for its turn, or for its next attempt.</summary>
    [JsonStringEnumMemberName("queued")]
    Queued,

    /// <summary>An attempt is under way.</summary>
    [JsonStringEnumMemberName("running")]
    Running,

    /// <summary>It has been cancelled, and what ran for it is stopping.</summary>
    [JsonStringEnumMemberName("cancelling")]
    Cancelling,

    /// <summary>It ended with a result.</summary>
    [JsonStringEnumMemberName("succeeded")]
    Succeeded,

    /// <summary>It ended with a problem.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,

    /// <summary>It was cancelled, and nothing of it runs any more.</summary>
    [JsonStringEnumMemberName("cancelled")]
    Cancelled,
}

/// <summary>What a task runs.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TaskKind>))]
public enum TaskKind
{
    /// <summary>One operation.</summary>
    [JsonStringEnumMemberName("operation")]
    Operation,

    /// <summary>A sequence.</summary>
    [JsonStringEnumMemberName("sequence")]
    Sequence,

    /// <summary>A gather.</summary>
    [JsonStringEnumMemberName("gather")]
    Gather,

    /// <summary>A map.</summary>
    [JsonStringEnumMemberName("map")]
    Map,

    /// <summary>An operation and the continuation that its outcome asks for.</summary>
    [JsonStringEnumMemberName("callback")]
    Callback,
}
