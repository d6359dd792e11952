using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
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

        Split(rest, factors, cancellationToken);
        factors.Sort();
        return [.. factors];
    }

    private static void Split(long n, List<long> factors, CancellationToken cancellationToken)
    {
        if (n == 1)
        {
            return;
        }

        if (Primality.IsPrime(n))
        {
            factors.Add(n);
            return;
        }

        var factor = FindFactor((ulong)n, cancellationToken);
        Split(factor, factors, cancellationToken);
        Split(n / factor, factors, cancellationToken);
    }

    /// <summary>Finds a factor of an odd composite: tries pseudorandom sequences until one splits the number.</summary>
    private static long FindFactor(ulong n, CancellationToken cancellationToken)
    {
        var ring = new Montgomery(n);
        for (var increment = ring.One; ; increment = ring.Add(increment, ring.One))
        {
            var factor = TrySplit(n, ring, increment, cancellationToken);
            if (factor != n)
            {
                return (long)factor;
            }
        }
    }

    /// <summary>Iterates x → x² + increment until two values are equal modulo a factor; the factor may be n itself.</summary>
    private static ulong TrySplit(ulong n, Montgomery ring, ulong increment, CancellationToken cancellationToken)
    {
        // Multiplies differences, so that one greatest common divisor covers many.
        const int Batch = 128;

        var current = ring.One;
        for (var length = 1; ; length *= 2)
        {
            var anchor = current;
            Advance(length);
            for (var done = 0; done < length; done += Batch)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var start = current;
                var product = ring.One;
                for (var i = Math.Min(Batch, length - done); i > 0; i--)
                {
                    Advance(1);
                    product = ring.Multiply(product, Difference(anchor, current));
                }

                var divisor = GreatestCommonDivisor(product, n);
                if (divisor == 1)
                {
                    continue;
                }

                // The batch may contain all factors at once: repeat it one step at a time.
                if (divisor == n)
                {
                    current = start;
                    do
                    {
                        Advance(1);
                        divisor = GreatestCommonDivisor(Difference(anchor, current), n);
                    }
                    while (divisor == 1);
                }

                return divisor;
            }
        }

        void Advance(int steps)
        {
            for (; steps > 0; steps--)
            {
                current = ring.Add(ring.Multiply(current, current), increment);
            }
        }
    }

    private static ulong Difference(ulong left, ulong right) => left > right ? left - right : right - left;

    private static ulong GreatestCommonDivisor(ulong left, ulong right)
    {
        while (right != 0)
        {
            (left, right) = (right, left % right);
        }

        return left;
    }
}
