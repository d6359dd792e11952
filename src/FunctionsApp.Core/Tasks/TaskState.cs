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
