using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace Team.Operations;

/// <summary>Input of <c>math.collatz</c>.</summary>
public sealed record CollatzInput(
    [property: Description("The first number."), Range(typeof(long), "1", "9223372036854775807")] long Start,
    [property: Description("The limit of steps."), Range(1, 1_000_000)] int MaxSteps = 10_000);

/// <summary>Halves an even number, triples an odd one and adds 1, until it is 1.</summary>
[Operation("math.collatz", "Counts the Collatz steps from a number down to 1.", Example = """{"start":27}""")]
public sealed class CollatzOperation : ICpuOperation<CollatzInput, int>
{
    /// <inheritdoc/>
    public int Compute(CollatzInput input, CancellationToken cancellationToken)
    {
        var number = (UInt128)input.Start;
        for (var steps = 0; steps <= input.MaxSteps; steps++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (number == 1)
            {
                return steps;
            }

            number = UInt128.IsEvenInteger(number) ? number / 2 : (number * 3) + 1;
        }

        throw new OperationException($"{input.Start} does not come down to 1 within {input.MaxSteps} steps.");
    }
}
