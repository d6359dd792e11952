using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Numerics;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>primes.factor</c>.</summary>
public sealed record PrimesFactorInput(
    [property: Description("The number to factor."), Range(typeof(long), "1", "9223372036854775807")] long N);

/// <summary>
/// Factors a number into primes, ascending; 1 has none. After division by small primes, a deterministic form of Pollard's
/// rho splits the rest, in R. P. Brent's variant ("An improved Monte Carlo factorization algorithm", 1980).
/// </summary>
[Operation("primes.factor", "Factors a number into primes.", Example = """{"n":360}""")]
public sealed class PrimesFactorOperation : ICpuOperation<PrimesFactorInput, long[]>
{
    /// <inheritdoc/>
    public long[] Compute(PrimesFactorInput input, CancellationToken cancellationToken)
    {
        var factors = new List<long>();
        var rest = input.N;
        foreach (var prime in Primality.SmallPrimes)
        {
            for (; rest % prime == 0; rest /= prime)
            {
                factors.Add(prime);
            }
        }

        Split((ulong)rest, factors, cancellationToken);
        factors.Sort();
        return [.. factors];
    }

    private static void Split(ulong n, List<long> factors, CancellationToken cancellationToken)
    {
        if (n == 1)
        {
            return;
        }

        if (Primality.IsPrime((long)n))
        {
            factors.Add((long)n);
            return;
        }

        // Some of the pseudorandom sequences split any odd composite.
        var ring = new Montgomery(n);
        var factor = n;
        for (var increment = ring.One; factor == n; increment = ring.Add(increment, ring.One))
        {
            factor = TrySplit(n, ring, increment, cancellationToken);
        }

        Split(factor, factors, cancellationToken);
        Split(n / factor, factors, cancellationToken);
    }

    /// <summary>Iterates x → x² + increment until two values are equal modulo a factor; the factor may be n itself.</summary>
    private static ulong TrySplit(ulong n, Montgomery ring, ulong increment, CancellationToken cancellationToken)
    {
        // Multiplies differences, so that one greatest common divisor covers many.
        const int Batch = 128;
        var (anchor, current, product) = (ring.One, ring.One, ring.One);
        for (var i = 1L; ; i++)
        {
            current = ring.Add(ring.Multiply(current, current), increment);
            var difference = anchor > current ? anchor - current : current - anchor;
            var next = ring.Multiply(product, difference);
            if (next == 0 || i % Batch == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();

                // At 0 the batch has all factors. The last difference has some of them, or all if it is 0, too.
                var divisor = (ulong)BigInteger.GreatestCommonDivisor(next == 0 ? difference : next, n);
                if (divisor != 1)
                {
                    return divisor;
                }
            }

            product = next;
            anchor = long.IsPow2(i) ? current : anchor;
        }
    }
}
