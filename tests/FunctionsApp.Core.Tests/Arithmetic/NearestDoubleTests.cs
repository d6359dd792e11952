using System.Globalization;
using System.Numerics;
using FunctionsApp.Core.Arithmetic;

namespace FunctionsApp.Core.Tests.Arithmetic;

public sealed class NearestDoubleTests
{
    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("9007199254740992", 0, 9007199254740992)]
    [InlineData("9007199254740993", 0, 9007199254740992)]
    [InlineData("9007199254740995", 0, 9007199254740996)]
    [InlineData("-9007199254740995", 0, -9007199254740996)]
    [InlineData("36028797018963971", -2, 9007199254740992)]
    [InlineData("36028797018963973", -2, 9007199254740994)]
    [InlineData("9007199254740991", 971, double.MaxValue)]
    [InlineData("18014398509481983", 970, double.PositiveInfinity)]
    [InlineData("-1", 1024, double.NegativeInfinity)]
    [InlineData("1", -1074, double.Epsilon)]
    [InlineData("1", -1075, 0)]
    [InlineData("3", -1076, double.Epsilon)]
    [InlineData("3", -1075, 2 * double.Epsilon)]
    [InlineData("9007199254740991", -1075, 2.2250738585072014E-308)]
    [InlineData("1", -9999, 0)]
    [InlineData("1", 9999, double.PositiveInfinity)]
    public void An_exact_number_is_rounded_to_the_nearest_double_and_ties_to_the_even_one(string value, int exponent, double expected) =>
        Assert.Equal(expected, NearestDouble.Of(BigInteger.Parse(value, CultureInfo.InvariantCulture), exponent));

    // What the framework's parser makes of the same number in decimal digits.
    [Fact]
    public void Any_integer_is_rounded_as_its_digits_are_read()
    {
        var random = new Random(1);
        for (var i = 0; i < 5_000; i++)
        {
            var bytes = new byte[random.Next(1, 140)];
            random.NextBytes(bytes);
            var value = new BigInteger(bytes);

            Assert.Equal(double.Parse(value.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture), NearestDouble.Of(value, 0));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-0.1)]
    [InlineData(double.Epsilon)]
    [InlineData(-2.2250738585072014E-308)]
    [InlineData(double.MaxValue)]
    [InlineData(double.MinValue)]
    public void A_double_is_its_significand_times_a_power_of_two(double value)
    {
        var (significand, exponent) = NearestDouble.Split(value);

        Assert.Equal(value, NearestDouble.Of(significand, exponent));
        Assert.InRange(Math.Abs(significand), 0, 1L << NearestDouble.Precision);
    }
}
