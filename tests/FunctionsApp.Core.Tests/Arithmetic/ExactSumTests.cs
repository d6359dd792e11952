using System.Numerics;
using FunctionsApp.Core.Arithmetic;

namespace FunctionsApp.Core.Tests.Arithmetic;

public sealed class ExactSumTests
{
    [Fact]
    public void A_sum_is_the_same_however_it_is_grouped()
    {
        var random = new Random(3);
        var values = Enumerable.Range(0, 10_000).Select(_ => AnyDouble(random)).ToArray();
        var expected = Sum(values).ToInteger();
        for (var i = 0; i < 10; i++)
        {
            random.Shuffle(values);
            var total = new ExactSum();
            foreach (var group in values.Chunk(random.Next(1, 3_000)))
            {
                total.Add(Sum(group));
            }

            Assert.Equal(expected, total.ToInteger());
        }
    }

    [Fact]
    public void A_sum_agrees_with_exact_arithmetic()
    {
        var random = new Random(4);
        var (sum, expected) = (new ExactSum(), BigInteger.Zero);
        for (var i = 0; i < 20_000; i++)
        {
            var value = AnyDouble(random);
            var integer = new Int128((ulong)random.NextInt64(long.MinValue, long.MaxValue), (ulong)random.NextInt64(long.MinValue, long.MaxValue));
            sum.Add(value);
            sum.AddSquare(value);
            sum.Add(integer);
            var (significand, exponent) = NearestDouble.Split(value);
            expected += ((BigInteger)significand << (exponent - ExactSum.Exponent))
                + ((BigInteger)significand * significand << ((2 * exponent) - ExactSum.Exponent))
                + ((BigInteger)integer << -ExactSum.Exponent);
        }

        Assert.Equal(expected, sum.ToInteger());
    }

    [Theory]
    [InlineData(double.MaxValue)]
    [InlineData(double.MinValue)]
    [InlineData(-double.Epsilon)]
    public void A_sum_of_many_equal_values_does_not_overflow(double value)
    {
        var sum = new ExactSum();
        sum.AddSquare(value);
        sum.Add(value);

        // Twice as much in each round: as 2^60 values.
        for (var i = 0; i < 60; i++)
        {
            sum.Add(sum);
        }

        var (significand, exponent) = NearestDouble.Split(value);
        var expected = ((BigInteger)significand << (exponent - ExactSum.Exponent)) + ((BigInteger)significand * significand << ((2 * exponent) - ExactSum.Exponent));
        Assert.Equal(expected << 60, sum.ToInteger());
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void An_infinite_or_NaN_value_cannot_be_added(double value) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ExactSum().Add(value));

    private static ExactSum Sum(double[] values)
    {
        var sum = new ExactSum();
        foreach (var value in values)
        {
            sum.Add(value);
        }

        return sum;
    }

    private static double AnyDouble(Random random)
    {
        double value;
        do
        {
            value = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
        }
        while (!double.IsFinite(value));

        return value;
    }
}
