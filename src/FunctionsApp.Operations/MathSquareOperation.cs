using System.ComponentModel;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>math.square</c>.</summary>
public sealed record MathSquareInput([property: Description("The number to square.")] Number X);

/// <summary>Squares a number. An integer yields an integer if it fits 64 bits; otherwise the square is the nearest double.</summary>
[Operation("math.square", "Squares a number.", Example = """{"x":12}""")]
public sealed class MathSquareOperation : ICpuOperation<MathSquareInput, Number>
{
    /// <inheritdoc/>
    /// <exception cref="OperationException">The square is out of the range of a double.</exception>
    public Number Compute(MathSquareInput input, CancellationToken cancellationToken)
    {
        var square = input.X * input.X;
        return double.IsFinite(square.AsDouble) ? square : throw new OperationException("The square is out of range.");
    }
}
