using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Operations;

/// <summary>How an operation spends its time, and so which patterns can run it.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<OperationKind>))]
public enum OperationKind
{
    /// <summary>Waits: <see cref="IOperation{TInput, TOutput}"/>.</summary>
    Io,

    /// <summary>Computes: <see cref="ICpuOperation{TInput, TOutput}"/>.</summary>
    Cpu,

    /// <summary>Yields values one by one: <see cref="IStreamOperation{TInput, TOutput}"/>.</summary>
    Stream,
}
