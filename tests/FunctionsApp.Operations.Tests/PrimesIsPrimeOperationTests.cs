using System.Numerics;

namespace FunctionsApp.Operations.Tests;

public class PrimesIsPrimeOperationTests
{
    // The smallest primes after powers of ten (OEIS A033873 gives the distances), Mersenne primes (OEIS A000668) and the
    // largest prime below 2^63 (OEIS A013603: 2^63 - 25).
    [Theory]
    [InlineData(2)]
    [InlineData(1_000_000_007)]
    [InlineData(1_000_000_000_039)]
    [InlineData(1_000_000_000_000_037)]
    [InlineData(1_000_000_000_000_000_003)]
    [InlineData(2_147_483_647)]
    [InlineData(2_305_843_009_213_693_951)]
    [InlineData(9_223_372_036_854_775_783)]
    public void Knows_primes(long n)
    {
        Assert.True(IsPrime(n));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(101 * 101)]
    [InlineData(4_294_967_297)] // the fifth Fermat number, 641 * 6700417 (Euler)
    [InlineData(9_223_371_994_482_243_049)] // the square of 3037000493, the largest that fits
    [InlineData(9_223_372_036_854_775_807)]
    public void Knows_composites(long n)
    {
        Assert.False(IsPrime(n));
    }

    // OEIS A014233: the smallest number that is a strong pseudoprime to each of the first 1, 2, … prime bases.
    [Theory]
    [InlineData(2_047)]
    [InlineData(1_373_653)]
    [InlineData(25_326_001)]
    [InlineData(3_215_031_751)]
    [InlineData(2_152_302_898_747)]
    [InlineData(3_474_749_660_383)]
    [InlineData(341_550_071_728_321)]
    [InlineData(3_825_123_056_546_413_051)]
    public void Is_not_deceived_by_strong_pseudoprimes(long n)
    {
        Assert.False(IsPrime(n));
    }

    // OEIS A002997, and from A006931 the least Carmichael numbers with 5, 6, … 12 prime factors.
    [Theory]
    [InlineData(561)]
    [InlineData(1_105)]
    [InlineData(1_729)]
    [InlineData(2_465)]
    [InlineData(825_265)]
    [InlineData(321_197_185)]
    [InlineData(5_394_826_801)]
    [InlineData(232_250_619_601)]
    [InlineData(9_746_347_772_161)]
    [InlineData(1_436_697_831_295_441)]
    [InlineData(60_977_817_398_996_785)]
    [InlineData(7_156_857_700_403_137_441)]
    public void Is_not_deceived_by_carmichael_numbers(long n)
    {
        Assert.False(IsPrime(n));
    }

    [Fact]
    public void Agrees_with_a_naive_sieve()
    {
        const int Limit = 300_000;
        var composite = new bool[Limit];
        for (var i = 2; i < Limit; i++)
        {
            for (var multiple = 2 * i; multiple < Limit; multiple += i)
            {
                composite[multiple] = true;
            }
        }

        Assert.Equal(
            Enumerable.Range(0, Limit).Where(n => n > 1 && !composite[n]),
            Enumerable.Range(0, Limit).Where(n => IsPrime(n)));
    }

    [Fact]
    public void The_test_itself_agrees_with_division_on_every_small_number_it_takes()
    {
        for (var n = 101UL; n < 20_000; n += 2)
        {
            Assert.Equal(Enumerable.Range(2, (int)Math.Sqrt(n) - 1).All(divisor => n % (ulong)divisor != 0), Primality.PassesMillerRabin(n));
        }
    }

    [Fact]
    public void Montgomery_multiplication_agrees_with_big_integers()
    {
        var random = new Random(4);
        for (var i = 0; i < 10_000; i++)
        {
            var modulus = (ulong)(random.NextInt64(long.MaxValue) >> random.Next(60)) | 1;
            var (left, right) = ((ulong)random.NextInt64() % modulus, (ulong)random.NextInt64() % modulus);
            var ring = new Montgomery(modulus);

            // Multiplying by a plain 1 takes a number out of its representation.
            Assert.Equal((ulong)((BigInteger)left * right % modulus), ring.Multiply(ring.Multiply(ring.Enter(left), ring.Enter(right)), 1));
        }
    }

    private static bool IsPrime(long n) => new PrimesIsPrimeOperation().Compute(new PrimesIsPrimeInput(n), default);
}
