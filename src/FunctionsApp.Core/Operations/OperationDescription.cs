using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Operations;

/// <summary>The catalog in a response.</summary>
/// <param name="Operations">By name in ordinal order.</param>
public sealed record OperationList(IReadOnlyList<OperationDescription> Operations);

/// <summary>An operation in a response.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">How it spends its time, and so which patterns can run it.</param>
/// <param name="Summary">What it does, in one sentence.</param>
/// <param name="Input">JSON Schema of its input.</param>
/// <param name="Output">JSON Schema of its output; of each value, for a stream.</param>
/// <param name="Example">A valid input.</param>
public sealed record OperationDescription(string Name, OperationKind Kind, string Summary, JsonNode Input, JsonNode Output, RawJson Example)
{
    /// <summary>Describes an operation.</summary>
    public static OperationDescription Of(Operation operation) =>
        new(operation.Name, operation.Kind, operation.Summary, operation.InputSchema, operation.OutputSchema, operation.Example);
}
