using System.Numerics;

namespace FunctionsApp.Operations;

/// <summary>Primality tests up to 2^63 - 1.</summary>
internal static class Primality
{
    /// <summary>The bases after 2 that leave no strong pseudoprime below 4,759,123,141 (G. Jaeschke, 1993).</summary>
    private static readonly (ulong, ulong)[] SmallBases = [(7, 61)];

    /// <summary>The bases after 2 that leave no strong pseudoprime below 2^64; by Jim Sinclair (miller-rabin.appspot.com).</summary>
    private static readonly (ulong, ulong)[] Bases = [(325, 9_375), (28_178, 450_775), (9_780_504, 1_795_265_022)];

    /// <summary>For each odd small prime: its inverse modulo 2^64, and the greatest product of that inverse and a multiple.</summary>
    private static readonly (ulong Inverse, ulong Limit)[] Divisors =
        [.. SmallPrimes[1..].ToArray().Select(static prime => (Montgomery.Inverse(prime), ulong.MaxValue / prime))];

    /// <summary>The primes below 100. Division by them decides most numbers.</summary>
    public static ReadOnlySpan<byte> SmallPrimes =>
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97];

    /// <summary>Returns whether a number is prime.</summary>
    public static bool IsPrime(long n)
    {
        if (n < 101)
        {
            return n > 1 && SmallPrimes.Contains((byte)n);
        }

        if (n % 2 == 0)
        {
            return false;
        }

        // Tests divisibility by multiplication: only multiples of the prime map to numbers up to the limit.
        foreach (var (inverse, limit) in Divisors)
        {
            if ((ulong)n * inverse <= limit)
            {
                return false;
            }
        }

        return n < 101 * 101 || PassesMillerRabin((ulong)n);
    }

    /// <summary>Runs the deterministic Miller–Rabin test for an odd number, 101 or greater.</summary>
    public static bool PassesMillerRabin(ulong n)
    {
        var ring = new Montgomery(n);
        var minusOne = n - ring.One;
        var twos = BitOperations.TrailingZeroCount(n - 1);
        var odd = (n - 1) >> twos;

        // One base detects nearly every composite.
        if (!Passes(ring.Power(ring.Add(ring.One, ring.One), odd)))
        {
            return false;
        }

        foreach (var (first, second) in n < 4_759_123_141 ? SmallBases : Bases)
        {
            var (power, other) = ring.Powers(ring.Enter(first), ring.Enter(second), odd);
            if (!Passes(power) || !Passes(other))
            {
                return false;
            }
        }

        return true;

        // Repeated squaring of a base's power yields 1 modulo a prime, and -1 just before.
        bool Passes(ulong power)
        {
            if (power == ring.One)
            {
                return true;
            }

            for (var i = 1; i < twos && power != minusOne; i++)
            {
                power = ring.Multiply(power, power);
            }

            return power == minusOne;
        }
    }
}
