using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>Input of the operations of these tests.</summary>
internal sealed record ComputeInput(Number X, Number? Y = null);

/// <summary>What a test has its operations compute.</summary>
internal sealed class ComputeHook
{
    public Func<ComputeInput, CancellationToken, Number> Number { get; set; } = static (input, _) => input.X;

    public Func<ComputeInput, CancellationToken, object?> Any { get; set; } = static (input, _) => input.X;
}

[Operation("test.number", "Computes a number.")]
internal sealed class NumberOperation(ComputeHook hook) : ICpuOperation<ComputeInput, Number>
{
    public Number Compute(ComputeInput input, CancellationToken cancellationToken) => hook.Number(input, cancellationToken);
}

/// <summary>A result that can fail while it is being written, as the double in it can be none that JSON has.</summary>
internal sealed record ComputeOutput(string Name, double Value);

[Operation("test.record", "Computes a record.")]
internal sealed class RecordOperation : ICpuOperation<ComputeInput, ComputeOutput>
{
    public ComputeOutput Compute(ComputeInput input, CancellationToken cancellationToken) => new("n", 1 / input.X.AsDouble);
}

[Operation("test.text", "Computes a text.")]
internal sealed class TextOperation(ComputeHook hook) : ICpuOperation<ComputeInput, string?>
{
    public string? Compute(ComputeInput input, CancellationToken cancellationToken) => (string?)hook.Any(input, cancellationToken);
}

[Operation("test.double", "Computes a double.")]
internal sealed class DoubleOperation : ICpuOperation<ComputeInput, double>
{
    public double Compute(ComputeInput input, CancellationToken cancellationToken) => input.X.AsDouble;
}

[Operation("test.boolean", "Tells whether a number is positive.")]
internal sealed class BooleanOperation : ICpuOperation<ComputeInput, bool>
{
    public bool Compute(ComputeInput input, CancellationToken cancellationToken) => input.X.AsDouble > 0;
}

internal static class ComputeOperations
{
    public static void Add(IServiceCollection services) => services
        .AddSingleton<ComputeHook>()
        .AddOperation<NumberOperation>()
        .AddOperation<RecordOperation>()
        .AddOperation<TextOperation>()
        .AddOperation<DoubleOperation>()
        .AddOperation<BooleanOperation>();
}
