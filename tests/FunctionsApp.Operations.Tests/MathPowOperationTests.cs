using System.Globalization;
using System.Numerics;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations.Tests;

public class MathPowOperationTests
{
    [Theory]
    [InlineData(2, 10, 1_024)]
    [InlineData(0, 0, 1)]
    [InlineData(-1, long.MaxValue, -1)]
    [InlineData(1, long.MaxValue, 1)]
    [InlineData(0, long.MaxValue, 0)]
    [InlineData(2, 62, 4_611_686_018_427_387_904)]
    [InlineData(-2, 63, long.MinValue)]
    [InlineData(3, 39, 4_052_555_153_018_976_267)]
    [InlineData(10, 18, 1_000_000_000_000_000_000)]
    public void Is_an_exact_integer_while_it_fits(long x, long y, long expected)
    {
        Assert.Equal((Number)expected, Pow(x, y));
    }

    [Theory]
    [InlineData(2, 63, 9223372036854775808.0)]
    [InlineData(-2, 64, 18446744073709551616.0)]
    [InlineData(10, 300, 1e300)]
    public void Is_a_double_past_64_bits(long x, long y, double expected)
    {
        Assert.Equal((Number)expected, Pow(x, y));
    }

    // Python's integers, fractions and decimals of 200 digits, rounded once: tests/Vectors/make.py.
    [Fact]
    public void Is_the_nearest_double_unless_it_is_an_integer_that_fits()
    {
        foreach (var vector in Vectors.Read("powers.json"))
        {
            var (x, y, power) = (Read(vector, "x"), Read(vector, "y"), vector.GetProperty("power"));
            if (power.ValueKind == JsonValueKind.Null)
            {
                Assert.Throws<OperationException>(() => Pow(x, y));
            }
            else
            {
                Assert.Equal((x, y, power.GetDouble(), Read(vector, "power").IsInteger), (x, y, Pow(x, y).AsDouble, Pow(x, y).IsInteger));
            }
        }
    }

    [Fact]
    public void Is_a_double_for_a_negative_exponent()
    {
        Assert.Equal((Number)0.5, Pow(2L, -1L));
    }

    [Fact]
    public void Takes_doubles()
    {
        Assert.Equal((Number)1.5, Pow(2.25, 0.5));
        Assert.Equal((Number)(-8.0), Pow(-2L, 3.0));
    }

    [Fact]
    public void Agrees_with_big_integers()
    {
        var random = new Random(2);
        for (var i = 0; i < 10_000; i++)
        {
            var x = random.NextInt64(-3_000, 3_000) >> random.Next(12);
            var y = random.Next(70);
            var exact = BigInteger.Pow(x, y);

            Assert.Equal(exact >= long.MinValue && exact <= long.MaxValue ? (Number)(long)exact : Near(exact), Pow(x, y));
        }
    }

    [Fact]
    public void Fails_for_zero_to_a_negative_power()
    {
        Assert.Equal("Zero cannot be raised to a negative power.", Assert.Throws<OperationException>(() => Pow(0L, -1L)).Message);
        Assert.Throws<OperationException>(() => Pow(0.0, -0.5));
    }

    [Fact]
    public void Fails_where_the_power_is_a_complex_number()
    {
        Assert.Equal(
            "A negative number cannot be raised to a fractional power.",
            Assert.Throws<OperationException>(() => Pow(-8L, 1.0 / 3)).Message);
    }

    [Fact]
    public void Fails_when_the_power_is_beyond_the_doubles()
    {
        Assert.Equal("The power is out of range.", Assert.Throws<OperationException>(() => Pow(10L, 309L)).Message);
    }

    [Theory]
    [InlineData(0.0, 0.5, 0.0)]
    [InlineData(-0.0, 3.0, -0.0)]
    [InlineData(-0.0, 2.0, 0.0)]
    [InlineData(0.0, 0.0, 1.0)]
    [InlineData(-2.5, 0.0, 1.0)]
    [InlineData(-1.0, 1e300, 1.0)]
    [InlineData(-1.0, -3.0, -1.0)]
    [InlineData(-1e-300, 3.0, -0.0)]
    public void Has_the_sign_that_IEEE_754_gives_it(double x, double y, double expected)
    {
        Assert.Equal(BitConverter.DoubleToInt64Bits(expected), BitConverter.DoubleToInt64Bits(Pow(x, y).AsDouble));
    }

    [Theory]
    [InlineData(-1.0, -9_007_199_254_740_993, -1.0)]
    [InlineData(-1.0, 9_007_199_254_740_993, -1.0)]
    [InlineData(-1.0, 9_007_199_254_740_992, 1.0)]
    [InlineData(-1.0, long.MinValue, 1.0)]
    [InlineData(-2.0, -1_075, -0.0)]
    public void An_odd_exponent_is_odd_however_large_it_is(double x, long y, double expected) =>
        Assert.Equal(BitConverter.DoubleToInt64Bits(expected), BitConverter.DoubleToInt64Bits(Pow(x, y).AsDouble));

    private static double Near(BigInteger value) => double.Parse(value.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static Number Read(JsonElement vector, string name) =>
        vector.GetProperty(name) is var number && number.TryGetInt64(out var integer) ? (Number)integer : number.GetDouble();

    private static Number Pow(Number x, Number y) => new MathPowOperation().Compute(new MathPowInput(x, y), default);
}
