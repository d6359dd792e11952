using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Numerics;
using System.Runtime.InteropServices;

namespace FunctionsApp.Core.Operations.BuiltIn;

/// <summary>Input of <c>primes.count</c>.</summary>
/// <param name="From">The first number of the range, 0 to 2^63 - 1.</param>
/// <param name="To">The first number after the range, 0 to 2^63 - 1; the range is empty unless it is the greater.</param>
public sealed record PrimesCountInput(
    [property: Description("The first number of the range."), Range(typeof(long), "0", "9223372036854775807")] long From,
    [property: Description("The first number after the range."), Range(typeof(long), "0", "9223372036854775807")] long To);

/// <summary>
/// Counts the primes of a range with a segmented sieve of Eratosthenes, in constant memory. Where sieving to the square root
/// does not pay or would need too much memory, what a sieve by small primes leaves is put to the Miller–Rabin test.
/// </summary>
[Operation("primes.count", "Counts the primes in a range.", Example = """{"from":0,"to":1000000}""")]
public sealed class PrimesCountOperation : ICpuOperation<PrimesCountInput, long>
{
    /// <summary>Odd numbers a segment has, one bit each: 128 KiB, which stay in the second-level cache.</summary>
    private const int SegmentLength = 1 << 20;

    /// <summary>Up to here the sieve's own primes take a few megabytes; they suffice for ranges below 10^14.</summary>
    private const long MaxSievingPrime = 10_000_000;

    /// <summary>Sieving primes that pay even when survivors are tested one by one.</summary>
    private const long FewSievingPrimes = 65_536;

    /// <inheritdoc/>
    public long Compute(PrimesCountInput input, CancellationToken cancellationToken)
    {
        if (input.From >= input.To)
        {
            return 0;
        }

        // The bit i stands for 2i + 1. One is not a prime, and two is the prime that has no bit.
        var first = Math.Max(input.From / 2, 1);
        var end = input.To / 2;
        var count = input.From <= 2 && input.To > 2 ? 1L : 0;

        var root = (long)Math.Sqrt(input.To) + 1;
        var sieved = root <= MaxSievingPrime && (input.To - input.From) >= root / 16;
        var sieve = new Sieve(first, sieved ? root : Math.Min(root, FewSievingPrimes), cancellationToken);
        var bits = new ulong[(int)((Math.Min(SegmentLength, Math.Max(end - first, 0)) + 63) / 64)];
        for (; first < end; first += SegmentLength)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var length = (int)Math.Min(SegmentLength, end - first);
            var composites = bits.AsSpan(0, (length + 63) / 64);
            sieve.Next(composites, length);
            count += sieved || root <= FewSievingPrimes ? CountZeros(composites) : CountPrimes(composites, first, cancellationToken);
        }

        return count;
    }

    private static long CountZeros(ReadOnlySpan<ulong> composites)
    {
        var count = 0L;
        foreach (var word in composites)
        {
            count += BitOperations.PopCount(~word);
        }

        return count;
    }

    private static long CountPrimes(ReadOnlySpan<ulong> composites, long first, CancellationToken cancellationToken)
    {
        var count = 0L;
        for (var i = 0; i < composites.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (var candidates = ~composites[i]; candidates != 0; candidates &= candidates - 1)
            {
                var index = first + (i * 64L) + BitOperations.TrailingZeroCount(candidates);
                count += Primality.IsPrime((2 * index) + 1) ? 1 : 0;
            }
        }

        return count;
    }

    /// <summary>Strikes out the odd multiples of odd primes, segment by segment.</summary>
    private sealed class Sieve(long first, long largestPrime, CancellationToken cancellationToken)
    {
        private readonly int[] _primes = OddPrimes((int)largestPrime, cancellationToken);

        /// <summary>For each prime, the bit of its next multiple, counted from the start of the next segment.</summary>
        private readonly List<int> _next = [];

        private long _first = first;

        /// <summary>Sets the bits of the composites in the next segment, and those past its end.</summary>
        public void Next(Span<ulong> composites, int length)
        {
            composites.Clear();
            var end = _first + length;

            // A prime has nothing to strike below its square.
            while (_next.Count < _primes.Length && Square(_primes[_next.Count]) < end)
            {
                _next.Add(FirstMultiple(_primes[_next.Count]));
            }

            var next = CollectionsMarshal.AsSpan(_next);
            for (var i = 0; i < next.Length; i++)
            {
                var bit = next[i];
                for (var prime = _primes[i]; bit < length; bit += prime)
                {
                    composites[bit >> 6] |= 1UL << bit;
                }

                next[i] = bit - length;
            }

            if (length % 64 != 0)
            {
                composites[^1] |= ulong.MaxValue << length;
            }

            _first = end;
        }

        private static long Square(long prime) => prime * prime / 2;

        private int FirstMultiple(long prime)
        {
            if (Square(prime) >= _first)
            {
                return (int)(Square(prime) - _first);
            }

            // The odd multiples of p have the bits p/2, p/2 + p, p/2 + 2p, …
            var past = (_first - (prime / 2)) % prime;
            return (int)(past == 0 ? 0 : prime - past);
        }

        private static int[] OddPrimes(int largest, CancellationToken cancellationToken)
        {
            var primes = new List<int>();
            var composite = new bool[(largest / 2) + 1];
            for (var bit = 1; (2 * bit) + 1 <= largest; bit++)
            {
                if (composite[bit])
                {
                    continue;
                }

                var prime = (2 * bit) + 1;
                primes.Add(prime);
                if (Square(prime) < composite.Length)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    for (var multiple = (int)Square(prime); multiple < composite.Length; multiple += prime)
                    {
                        composite[multiple] = true;
                    }
                }
            }

            return [.. primes];
        }
    }
}
