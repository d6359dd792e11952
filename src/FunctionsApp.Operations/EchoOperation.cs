using System.ComponentModel;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>echo</c>.</summary>
/// <param name="Value">Any JSON value.</param>
public sealed record EchoInput([property: Description("The value to return.")] RawJson Value);

/// <summary>Returns its input, to try or measure a pattern by itself.</summary>
[Operation("echo", "Returns a value of the caller.", Example = """{"value":"hello"}""")]
public sealed class EchoOperation : IOperation<EchoInput, RawJson>
{
    /// <inheritdoc/>
    public ValueTask<RawJson> RunAsync(EchoInput input, CancellationToken cancellationToken) => new(input.Value.OnOneLine());
}
