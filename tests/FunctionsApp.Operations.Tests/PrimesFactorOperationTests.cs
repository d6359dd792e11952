using FsCheck;
using FsCheck.Fluent;

namespace FunctionsApp.Operations.Tests;

public class PrimesFactorOperationTests
{
    private static readonly Gen<long> Numbers =
        from high in Gen.Choose(0, int.MaxValue)
        from low in Gen.Choose(0, int.MaxValue)
        from shift in Gen.Choose(0, 61)
        select ((((((long)high << 31) | (uint)low) << 1) | 1) >> shift) | 1;

    [Theory]
    [InlineData(1, new long[0])]
    [InlineData(2, new long[] { 2 })]
    [InlineData(97, new long[] { 97 })]
    [InlineData(360, new long[] { 2, 2, 2, 3, 3, 5 })]
    [InlineData(10_403, new long[] { 101, 103 })]
    [InlineData(4_294_967_297, new long[] { 641, 6_700_417 })] // the fifth Fermat number (Euler, 1732)
    [InlineData(576_460_752_303_423_487, new long[] { 179_951, 3_203_431_780_337 })] // 2^59 - 1 (Landry, 1867)
    [InlineData(9_223_372_036_854_775_783, new long[] { 9_223_372_036_854_775_783 })]
    [InlineData(9_223_372_036_854_775_807, new long[] { 7, 7, 73, 127, 337, 92_737, 649_657 })] // 2^63 - 1 (the Cunningham project)
    public void Factors_as_published(long n, long[] expected)
    {
        Assert.Equal(expected, Factor(n));
    }

    [Theory]
    [InlineData(3_037_000_493, 2)]
    [InlineData(2_097_143, 3)]
    [InlineData(55_103, 4)]
    [InlineData(101, 9)]
    [InlineData(3, 39)]
    public void Factors_powers_of_primes(long prime, int power)
    {
        var factors = Enumerable.Repeat(prime, power).ToArray();

        Assert.Equal(factors, Factor(factors.Aggregate(1L, (product, factor) => product * factor)));
    }

    [Fact]
    public void Factors_the_products_of_two_primes_near_the_root()
    {
        long[] primes = [2_147_483_647, 2_147_483_629, 2_147_483_587, 3_037_000_493];
        foreach (var left in primes)
        {
            foreach (var right in primes)
            {
                Assert.Equal([Math.Min(left, right), Math.Max(left, right)], Factor(left * right));
            }
        }
    }

    [Fact]
    public void Splits_every_number_below_200_000_into_ascending_primes_whose_product_it_is()
    {
        for (var n = 1L; n < 200_000; n++)
        {
            AssertFactored(n);
        }
    }

    [Fact]
    public void Splits_random_numbers_of_every_size_into_ascending_primes_whose_product_they_are()
    {
        var random = new Random(5);
        for (var i = 0; i < 2_000; i++)
        {
            AssertFactored((random.NextInt64(long.MaxValue) >> random.Next(63)) + 1);
        }
    }

    [Fact]
    public void A_number_is_prime_exactly_if_it_is_its_only_factor() => Prop.ForAll(
        Numbers.ToArbitrary(),
        static n => Assert.Equal(Factor(n) is [var factor] && factor == n, Primality.IsPrime(n))).QuickCheckThrowOnFailure();

    [Fact]
    public void Stops_when_cancelled()
    {
        Assert.Throws<OperationCanceledException>(() =>
            new PrimesFactorOperation().Compute(new PrimesFactorInput(3_037_000_493L * 2_147_483_647), new CancellationToken(canceled: true)));
    }

    private static void AssertFactored(long n)
    {
        var factors = Factor(n);

        Assert.Equal(n, factors.Aggregate(1L, (product, factor) => product * factor));
        Assert.Equal(factors.Order(), factors);
        Assert.All(factors, factor => Assert.True(Primality.IsPrime(factor)));
    }

    private static long[] Factor(long n) => new PrimesFactorOperation().Compute(new PrimesFactorInput(n), default);
}
