using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
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
    /// <summary>The minimum odd numbers in a segment, one byte each, which fit the second-level cache.</summary>
    private const int MinSegmentLength = 1 << 16;

    /// <summary>The maximum sieving prime. Such primes take a few megabytes, and suffice for ranges below 10^14.</summary>
    private const int MaxSievingPrime = 10_000_000;

    /// <summary>The maximum sieving prime that still saves time if survivors are tested one by one.</summary>
    private const int FewSievingPrimes = 65_536;

    /// <inheritdoc/>
    public long Compute(PrimesCountInput input, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (input.From >= input.To)
        {
            return 0;
        }

        // The index i stands for the odd number 2i + 1.
        var (first, end) = (Math.Max(input.From / 2, 1), input.To / 2);
        var count = input.From <= 2 && input.To > 2 ? 1L : 0;
        var root = (long)Math.Sqrt(input.To) + 1;
        var isSieved = root <= MaxSievingPrime && input.To - input.From >= root / 16;
        var largest = (int)Math.Min(root, isSieved ? MaxSievingPrime : FewSievingPrimes);
        var primes = OddPrimes(largest, cancellationToken);
        var next = Array.ConvertAll(primes, prime => FirstMultiple(prime, first));
        var composites = new bool[(int)Math.Clamp(end - first, 0, Math.Max(MinSegmentLength, largest / 2))];
        var progress = ProgressReporter.Current;
        for (; first < end; first += composites.Length)
        {
            var segment = composites.AsSpan(0, (int)Math.Min(composites.Length, end - first));
            segment.Clear();
            for (var i = 0; i < primes.Length; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                next[i] = Strike(segment, first, primes[i], next[i]);
            }

            count += largest == root ? segment.Count(false) : CountPrimes(segment, first, cancellationToken);
            progress?.Report(Math.Min(2 * (first + segment.Length), input.To) - input.From, input.To - input.From);
        }

        return count;
    }

    /// <summary>Marks the multiples of a prime in a segment.</summary>
    /// <returns>The index of the first multiple after the segment.</returns>
    private static long Strike(Span<bool> composites, long first, int prime, long next)
    {
        for (var i = next - first; i < composites.Length; i += prime, next += prime)
        {
            composites[(int)i] = true;
        }

        return next;
    }

    private static long CountPrimes(ReadOnlySpan<bool> composites, long first, CancellationToken cancellationToken)
    {
        var count = 0L;
        for (var i = 0; i < composites.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            count += !composites[i] && Primality.IsPrime((2 * (first + i)) + 1) ? 1 : 0;
        }

        return count;
    }

    /// <summary>Returns the index of a prime's first odd multiple from an index on; smaller primes strike those below its square.</summary>
    private static long FirstMultiple(long prime, long first)
    {
        var square = prime * prime / 2;
        return square + (Math.Max(first - square + prime - 1, 0) / prime * prime);
    }

    private static int[] OddPrimes(int largest, CancellationToken cancellationToken)
    {
        var primes = new List<int>();
        var composites = new bool[(largest + 1) / 2];
        for (var i = 1; i < composites.Length; i++)
        {
            if (!composites[i])
            {
                cancellationToken.ThrowIfCancellationRequested();
                var prime = (2 * i) + 1;
                primes.Add(prime);
                Strike(composites, first: 0, prime, FirstMultiple(prime, first: 0));
            }
        }

        return [.. primes];
    }
}
