using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Tasks;

/// <summary>The state of a task.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TaskState>))]
public enum TaskState
{
    /// <summary>It waits for its turn, or for its next attempt.</summary>
    [JsonStringEnumMemberName("queued")]
    Queued,

    /// <summary>An attempt is running.</summary>
    [JsonStringEnumMemberName("running")]
    Running,

    /// <summary>It has been cancelled, and its work is stopping.</summary>
    [JsonStringEnumMemberName("cancelling")]
    Cancelling,

    /// <summary>It ended with a result.</summary>
    [JsonStringEnumMemberName("succeeded")]
    Succeeded,

    /// <summary>It ended with a problem.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,

    /// <summary>It was cancelled, and no work of it is running any more.</summary>
    [JsonStringEnumMemberName("cancelled")]
    Cancelled,
}
