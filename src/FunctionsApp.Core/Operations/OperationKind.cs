using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Operations;

/// <summary>How an operation spends its time, and so which patterns can run it.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<OperationKind>))]
public enum OperationKind
{
    /// <summary>Waits: <see cref="IOperation{TInput, TOutput}"/>.</summary>
    [JsonStringEnumMemberName("io")]
    Io,

    /// <summary>Computes: <see cref="ICpuOperation{TInput, TOutput}"/>.</summary>
    [JsonStringEnumMemberName("cpu")]
    Cpu,

    /// <summary>Yields values one by one: <see cref="IStreamOperation{TInput, TOutput}"/>.</summary>
    [JsonStringEnumMemberName("stream")]
    Stream,
}
