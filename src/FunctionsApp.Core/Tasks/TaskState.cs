using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Tasks;

/// <summary>The state of a task.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<TaskState>))]
public enum TaskState
{
    /// <summary>It waits for its turn, or for its next attempt.</summary>
    Queued,

    /// <summary>An attempt is running.</summary>
    Running,

    /// <summary>It has been cancelled, and its work is stopping.</summary>
    Cancelling,

    /// <summary>It ended with a result.</summary>
    Succeeded,

    /// <summary>It ended with a problem.</summary>
    Failed,

    /// <summary>It was cancelled, and no work of it is running any more.</summary>
    Cancelled,
}
