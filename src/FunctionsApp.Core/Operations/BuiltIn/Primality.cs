using System.Numerics;

namespace FunctionsApp.Core.Operations.BuiltIn;

/// <summary>Tells primes from composites, up to 2^63 - 1.</summary>
internal static class Primality
{
    /// <summary>The bases that leave no strong pseudoprime below 2^64; found by Jim Sinclair (miller-rabin.appspot.com).</summary>
    private static readonly ulong[] Bases = [2, 325, 9_375, 28_178, 450_775, 9_780_504, 1_795_265_022];

    /// <summary>The primes below 100: dividing by them settles most numbers.</summary>
    public static ReadOnlySpan<byte> SmallPrimes =>
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97];

    /// <summary>Whether a number is prime.</summary>
    public static bool IsPrime(long n)
    {
        foreach (var prime in SmallPrimes)
        {
            if (n % prime == 0)
            {
                return n == prime;
            }
        }

        return n > 1 && (n < 101 * 101 || PassesMillerRabin((ulong)n));
    }

    /// <summary>The deterministic Miller–Rabin test of an odd number.</summary>
    public static bool PassesMillerRabin(ulong n)
    {
        var ring = new Montgomery(n);
        var minusOne = n - ring.One;
        var twos = BitOperations.TrailingZeroCount(n - 1);
        foreach (var number in Bases)
        {
            if (number % n != 0 && !PassesOnce(ring.Power(ring.Enter(number % n), (n - 1) >> twos)))
            {
                return false;
            }
        }

        return true;

        // Squared often enough, the power of a base becomes 1 modulo a prime, and before that -1.
        bool PassesOnce(ulong power)
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
