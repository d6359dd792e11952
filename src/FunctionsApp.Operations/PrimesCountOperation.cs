using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Numerics;
using System.Runtime.InteropServices;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>primes.count</c>.</summary>
public sealed record PrimesCountInput(
    [property: Description("The first number of the range."), Range(typeof(long), "0", "9223372036854775807")] long From,
    [property: Description("The first number after the range. Unless it is greater than from, the range is empty.")]
    [property: Range(typeof(long), "0", "9223372036854775807")]
    long To);

/// <summary>
/// Counts the primes of a range with a segmented sieve of Eratosthenes, in constant memory. If sieving to the square root
/// is too slow or needs too much memory, a sieve by small primes is followed by the Miller–Rabin test of the survivors.
/// </summary>
[Operation("primes.count", "Counts the primes in a range.", Example = """{"from":0,"to":1000000}""")]
public sealed class PrimesCountOperation : ICpuOperation<PrimesCountInput, long>
{
    /// <summary>The minimum odd numbers in a segment, one bit each: 32 KiB, which fit the first-level cache.</summary>
    private const int MinSegmentLength = 1 << 18;

    /// <summary>
    /// The maximum odd numbers in a segment: 512 KiB. Large primes rarely strike a segment, so segments must not be too small.
    /// </summary>
    private const int MaxSegmentLength = 1 << 22;

    /// <summary>The maximum sieving prime. Such primes take a few megabytes, and suffice for ranges below 10^14.</summary>
    private const long MaxSievingPrime = 10_000_000;

    /// <summary>The maximum sieving prime that still saves time if survivors are tested one by one.</summary>
    private const long FewSievingPrimes = 65_536;

    /// <inheritdoc/>
    public long Compute(PrimesCountInput input, CancellationToken cancellationToken)
    {
        if (input.From >= input.To)
        {
            return 0;
        }

        cancellationToken.ThrowIfCancellationRequested();
        var count = 0L;
        foreach (var prime in Primality.SmallPrimes[..Sieve.Patterned])
        {
            count += input.From <= prime && prime < input.To ? 1 : 0;
        }

        // The bit i stands for 2i + 1.
        var first = Math.Max(input.From / 2, Primality.SmallPrimes[Sieve.Patterned] / 2);
        var end = input.To / 2;
        var root = (long)Math.Sqrt(input.To) + 1;
        var sieved = root <= MaxSievingPrime && (input.To - input.From) >= root / 16;
        var largest = sieved ? root : Math.Min(root, FewSievingPrimes);
        var sieve = new Sieve(first, (int)largest, cancellationToken);
        var segment = Math.Clamp((int)largest, MinSegmentLength, MaxSegmentLength);
        var progress = ProgressReporter.Current;
        var bits = new ulong[(int)((Math.Min(segment, Math.Max(end - first, 0)) + 63) / 64)];
        for (; first < end; first += segment)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var length = (int)Math.Min(segment, end - first);
            var composites = bits.AsSpan(0, (length + 63) / 64);
            sieve.Next(composites, length, cancellationToken);
            count += largest == root ? CountZeros(composites) : CountPrimes(composites, first, cancellationToken);
            progress?.Report(Math.Min(2 * (first + length), input.To) - input.From, input.To - input.From);
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
    private sealed class Sieve(long first, int largestPrime, CancellationToken cancellationToken)
    {
        /// <summary>The number of small primes whose multiples are struck out by patterns.</summary>
        public const int Patterned = 9;

        /// <summary>
        /// The multiples of 3, 5, 7, 11, of 13, 17, and of 19, 23. Because 64 shares no factor with these primes, a pattern
        /// repeats after as many words as the product of its primes.
        /// </summary>
        private static readonly ulong[][] Patterns = [Pattern(3, 5, 7, 11), Pattern(13, 17), Pattern(19, 23)];

        private readonly int[] _primes = SievingPrimes(largestPrime, cancellationToken);

        /// <summary>
        /// For each prime p: the bits of its next multiples by 6k + 1 and by 6k + 5, counted from the start of the next segment.
        /// Its other odd multiples are multiples of 3.
        /// </summary>
        private readonly List<(int One, int Five)> _next = [];

        private long _first = first;

        /// <summary>Sets the bits of the composites in the next segment, and the bits past its end.</summary>
        public void Next(Span<ulong> composites, int length, CancellationToken cancellationToken)
        {
            Lay(composites);
            var end = _first + length;

            // Smaller primes have already struck the multiples below a prime's square.
            while (_next.Count < _primes.Length && Square(_primes[_next.Count]) < end)
            {
                long prime = _primes[_next.Count];
                _next.Add((FirstMultiple(prime, prime / 2), FirstMultiple(prime, prime * 5 / 2)));
            }

            cancellationToken.ThrowIfCancellationRequested();
            var next = CollectionsMarshal.AsSpan(_next);
            for (var i = 0; i < next.Length; i++)
            {
                var step = 3 * _primes[i];
                next[i] = (Strike(composites, next[i].One, step, length), Strike(composites, next[i].Five, step, length));
            }

            if (length % 64 != 0)
            {
                composites[^1] |= ulong.MaxValue << length;
            }

            _first = end;
        }

        private static int Strike(Span<ulong> composites, int bit, int step, int length)
        {
            for (; bit < length; bit += step)
            {
                composites[bit >> 6] |= 1UL << bit;
            }

            return bit - length;
        }

        /// <summary>Starts the segment with the multiples of the smallest primes, which are most of the work.</summary>
        private void Lay(Span<ulong> composites)
        {
            composites.Clear();
            foreach (var pattern in Patterns)
            {
                // Each word spans two words of the pattern, because the segment may start within a word.
                var shift = (int)(_first % 64);
                var word = (int)(_first / 64 % pattern.Length);
                for (var i = 0; i < composites.Length; i++)
                {
                    var low = pattern[word] >> shift;
                    word = word + 1 < pattern.Length ? word + 1 : 0;
                    composites[i] |= shift == 0 ? low : low | (pattern[word] << (64 - shift));
                }
            }
        }

        private static ulong[] Pattern(params ReadOnlySpan<int> primes)
        {
            var length = 1;
            foreach (var prime in primes)
            {
                length *= prime;
            }

            var pattern = new ulong[length];
            foreach (var prime in primes)
            {
                Strike(pattern, prime / 2, prime, 64 * length);
            }

            return pattern;
        }

        private static long Square(long prime) => prime * prime / 2;

        /// <summary>
        /// Returns the first of the bits origin, origin + 3p, … within or after the segment, at or after the prime's square.
        /// </summary>
        private int FirstMultiple(long prime, long origin)
        {
            var missing = Math.Max(_first, Square(prime)) - origin;
            return (int)(origin - _first + (missing <= 0 ? 0 : (missing + (3 * prime) - 1) / (3 * prime) * (3 * prime)));
        }

        /// <summary>Returns the primes up to the largest, without those in patterns.</summary>
        private static int[] SievingPrimes(int largest, CancellationToken cancellationToken)
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
                if (prime >= Primality.SmallPrimes[Patterned])
                {
                    primes.Add(prime);
                }

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
