using System.ComponentModel;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>math.pow</c>.</summary>
public sealed record MathPowInput(
    [property: Description("The base.")] Number X,
    [property: Description("The exponent.")] Number Y);

/// <summary>
/// Raises a number to a power. Integers yield an exact integer if it fits 64 bits; otherwise the power is the nearest double.
/// </summary>
[Operation("math.pow", "Raises a number to a power.", Example = """{"x":2,"y":10}""")]
public sealed class MathPowOperation : ICpuOperation<MathPowInput, Number>
{
    /// <inheritdoc/>
    /// <exception cref="OperationException">The power is not a real number, or is out of the range of a double.</exception>
    public Number Compute(MathPowInput input, CancellationToken cancellationToken)
    {
        var (x, y) = (input.X, input.Y);
        if (x.IsInteger && y is { IsInteger: true, AsInteger: >= 0 } && IntegerPower(x, y.AsInteger) is { IsInteger: true } exact)
        {
            return exact;
        }

        // Math.Pow is exact for 0, and knows what is not a number; its other powers are close to the nearest double.
        var estimate = Math.Pow(x.AsDouble, y.AsDouble);
        if (x.AsDouble == 0 && y.AsDouble < 0)
        {
            throw new OperationException("Zero cannot be raised to a negative power.");
        }

        if (double.IsNaN(estimate))
        {
            throw new OperationException("A negative number cannot be raised to a fractional power.");
        }

        // Past 2^53 an odd exponent becomes an even double.
        var isNegative = y.IsInteger ? x.AsDouble < 0 && (y.AsInteger & 1) != 0 : double.IsNegative(estimate);
        var power = x.AsDouble == 0 ? estimate : Math.CopySign(Power.Nearest(x, y), isNegative ? -1 : 1);
        return double.IsFinite(power) ? power : throw new OperationException("The power is out of range.");
    }

    /// <summary>Squares and multiplies. The result is not an integer if it exceeds 64 bits.</summary>
    private static Number IntegerPower(Number x, long exponent)
    {
        for (Number power = 1L; ; x *= x)
        {
            power = (exponent & 1) == 0 ? power : power * x;
            exponent >>= 1;
            if (exponent == 0 || !x.IsInteger)
            {
                return exponent == 0 ? power : x;
            }
        }
    }
}
