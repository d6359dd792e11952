using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>primes.isPrime</c>.</summary>
/// <param name="N">The number to test, 0 to 2^63 - 1.</param>
public sealed record PrimesIsPrimeInput(
    [property: Description("The number to test."), Range(typeof(long), "0", "9223372036854775807")] long N);

/// <summary>Tests with certainty whether a number is prime: the Miller–Rabin test with bases proven for 64 bits.</summary>
[Operation("primes.isPrime", "Tests whether a number is prime.", Example = """{"n":9223372036854775783}""")]
public sealed class PrimesIsPrimeOperation : ICpuOperation<PrimesIsPrimeInput, bool>
{
    /// <inheritdoc/>
    public bool Compute(PrimesIsPrimeInput input, CancellationToken cancellationToken) => Primality.IsPrime(input.N);
}
