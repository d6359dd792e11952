
namespace FunctionsApp.Operations.Tests;

public class PrimesCountOperationTests
{
    // OEIS A006880: the number of primes below 10^n.
    [Theory]
    [InlineData(10, 4)]
    [InlineData(100, 25)]
    [InlineData(1_000, 168)]
    [InlineData(10_000, 1_229)]
    [InlineData(100_000, 9_592)]
    [InlineData(10_000_000, 664_579)]
    [InlineData(100_000_000, 5_761_455)]
    public void Counts_the_primes_below_a_power_of_ten(long to, long expected)
    {
        Assert.Equal(expected, Count(0, to));
    }

    [Fact]
    public void Counts_the_primes_below_a_million()
    {
        Assert.Equal(78_498, Count(0, 1_000_000));
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0, 2, 0)]
    [InlineData(0, 3, 1)]
    [InlineData(2, 3, 1)]
    [InlineData(2, 4, 2)]
    [InlineData(3, 4, 1)]
    [InlineData(3, 5, 1)]
    [InlineData(3, 6, 2)]
    [InlineData(7, 7, 0)]
    [InlineData(8, 7, 0)]
    [InlineData(7, 8, 1)]
    [InlineData(9_223_372_036_854_775_783, 9_223_372_036_854_775_784, 1)]
    [InlineData(9_223_372_036_854_775_784, 9_223_372_036_854_775_807, 0)]
    public void Includes_the_start_and_excludes_the_end(long from, long to, long expected)
    {
        Assert.Equal(expected, Count(from, to));
    }

    // OEIS A002386 and A005250: after this prime there is none for so long.
    [Theory]
    [InlineData(20_831_323, 210)]
    [InlineData(436_273_009, 282)]
    [InlineData(304_599_508_537, 514)]
    [InlineData(19_581_334_192_423, 766)]
    [InlineData(1_693_182_318_746_371, 1_132)]
    [InlineData(1_425_172_824_437_699_411, 1_476)]
    public void Finds_only_the_ends_of_a_maximal_gap(long prime, long gap)
    {
        Assert.Equal(2, Count(prime, prime + gap + 1));
        Assert.Equal(0, Count(prime + 1, prime + gap));
    }

    [Fact]
    public void Counts_every_small_range()
    {
        for (var from = 0; from < 150; from++)
        {
            for (var to = from; to < 150; to++)
            {
                Assert.Equal(Enumerable.Range(from, to - from).Count(n => Primality.IsPrime(n)), Count(from, to));
            }
        }
    }

    [Fact]
    public void Agrees_with_a_naive_count_on_random_ranges()
    {
        var random = new Random(6);
        for (var i = 0; i < 200; i++)
        {
            var from = random.NextInt64(long.MaxValue - 1_000) >> random.Next(62);
            var to = from + random.Next(1_000);
            var expected = 0L;
            for (var n = from; n < to; n++)
            {
                expected += Primality.IsPrime(n) ? 1 : 0;
            }

            Assert.Equal(expected, Count(from, to));
        }
    }

    [Theory]
    [InlineData(0, 5_000_000)]
    [InlineData(10_000_000_001, 10_005_000_000)] // a sieve to the root
    [InlineData(99_999_990_000_000, 99_999_992_500_000)]
    [InlineData(1_000_000_000_000_000_000, 1_000_000_000_003_000_000)] // survivors tested one by one
    public void A_range_has_as_many_primes_as_its_parts(long from, long to)
    {
        var middle = from + ((to - from) / 3);

        Assert.Equal(Count(from, middle) + Count(middle, to), Count(from, to));
    }

    [Fact]
    public void Sieving_to_the_root_and_testing_survivors_agree()
    {
        // Just under 10^14 a wide range is sieved through, and slices of it are too narrow for that.
        const long From = 99_999_990_000_000;
        const long Slice = 100_000;

        Assert.Equal(Enumerable.Range(0, 10).Sum(i => Count(From + (i * Slice), From + ((i + 1) * Slice))), Count(From, From + (10 * Slice)));
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(0, long.MaxValue)]
    [InlineData(long.MaxValue - 1_000_000_000, long.MaxValue)]
    public void Stops_when_cancelled(long from, long to)
    {
        Assert.Throws<OperationCanceledException>(() =>
            new PrimesCountOperation().Compute(new PrimesCountInput(from, to), new CancellationToken(canceled: true)));
    }

    private static long Count(long from, long to) => new PrimesCountOperation().Compute(new PrimesCountInput(from, to), default);
}
