using System.Globalization;
using System.Numerics;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations.Tests;

public class MathSquareOperationTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(12, 144)]
    [InlineData(-3, 9)]
    [InlineData(3_037_000_499, 9_223_372_030_926_249_001)]
    public void Squares_an_integer_exactly(long x, long expected)
    {
        Assert.Equal((Number)expected, Square(x));
    }

    [Fact]
    public void Returns_doubles_past_64_bits()
    {
        Assert.Equal((Number)(3_037_000_500.0 * 3_037_000_500.0), Square(3_037_000_500L));
        Assert.Equal((Number)Math.Pow(2, 126), Square(long.MinValue));
    }

    // int(x) * int(x) in Python 3.11, converted to a float.
    [Theory]
    [InlineData(9_007_199_254_740_993, 8.112963841460670e31)]
    [InlineData(-9_007_199_254_740_995, 8.112963841460674e31)]
    [InlineData(long.MaxValue, 8.507059173023462e37)]
    public void Returns_the_nearest_double_for_an_integer_above_2_to_the_53(long x, double expected)
    {
        Assert.Equal((Number)expected, Square(x));
    }

    [Fact]
    public void Squares_a_double()
    {
        Assert.Equal((Number)2.25, Square(-1.5));
    }

    [Fact]
    public void Agrees_with_big_integers()
    {
        var random = new Random(1);
        for (var i = 0; i < 10_000; i++)
        {
            var x = random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64);
            var exact = (BigInteger)x * x;

            Assert.Equal(exact <= long.MaxValue ? (Number)(long)exact : Near(exact), Square(x));
        }
    }

    [Fact]
    public void Fails_when_the_square_is_beyond_the_doubles()
    {
        Assert.Throws<OperationException>(() => Square(1e200));
    }

    private static double Near(BigInteger value) => double.Parse(value.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static Number Square(Number x) => new MathSquareOperation().Compute(new MathSquareInput(x), default);
}
