using System.Globalization;
using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Json.Schema;

namespace FunctionsApp.Core.Tests.Json.Schema;

/// <summary>JSON Schema 2020-12, validation, section 6.1.1: "integer" matches any number with a zero fractional part.</summary>
public sealed class IntegerSyntaxTests
{
    private static readonly BigInteger Limit = BigInteger.Pow(2, 64);

    private static readonly Gen<string> Numbers =
        from sign in Gen.Elements("", "-")
        from digits in Gen.Elements("0", "1", "10", "25", "1200", "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551615", "123456789012345678901")
        from fraction in Gen.Elements("", ".0", ".000", ".5", ".50", ".25", ".0010", ".99999999999999999999")
        from exponent in Gen.Elements("", "e0", "E+0", "e-0", "e1", "E2", "e+3", "e-1", "e-2", "e-3", "e19", "e-19", "e20", "e-20")
        select sign + digits + fraction + exponent;

    [Theory]
    [InlineData("0", "0")]
    [InlineData("-0", "0")]
    [InlineData("-0.0", "0")]
    [InlineData("0e400", "0")]
    [InlineData("0.000e-5", "0")]
    [InlineData("0e99999999999999999999999999", "0")]
    [InlineData("1.0", "1")]
    [InlineData("3.0", "3")]
    [InlineData("-7.000", "-7")]
    [InlineData("1e3", "1000")]
    [InlineData("1E+3", "1000")]
    [InlineData("10e-1", "1")]
    [InlineData("1.5e1", "15")]
    [InlineData("1.25E2", "125")]
    [InlineData("9007199254740993.0", "9007199254740993")]
    [InlineData("9007199254740993e0", "9007199254740993")]
    [InlineData("0.9007199254740993e16", "9007199254740993")]
    [InlineData("1e18", "1000000000000000000")]
    [InlineData("100000000000000000000e-2", "1000000000000000000")]
    [InlineData("9223372036854775807.0", "9223372036854775807")]
    [InlineData("-9223372036854775808.0", "-9223372036854775808")]
    [InlineData("18446744073709551615.0", "18446744073709551615")]
    [InlineData("0.5", null)]
    [InlineData("1.5", null)]
    [InlineData("1e-1", null)]
    [InlineData("15e-2", null)]
    [InlineData("9007199254740992.5", null)]
    [InlineData("9223372036854775806.9", null)]
    [InlineData("0.99999999999999999999999999", null)]
    [InlineData("1.00000000000000000000000001", null)]
    [InlineData("1e-400", null)]
    [InlineData("1e400", null)]
    [InlineData("1e20", null)]
    [InlineData("1e99999999999999999999999999", null)]
    [InlineData("1e-99999999999999999999999999", null)]
    public void A_number_without_a_fraction_is_an_integer(string number, string? expected)
    {
        var isInteger = TryRead(number, out var integer);

        Assert.Equal(expected, isInteger ? integer.ToString(CultureInfo.InvariantCulture) : null);
    }

    [Fact]
    public void A_long_text_is_read_in_one_pass()
    {
        var zeros = new string('0', 1_000_000);

        Assert.True(TryRead($"12.{zeros}", out var integer));
        Assert.Equal(12, integer);
        Assert.True(TryRead($"12{zeros}e-1000000", out integer));
        Assert.Equal(12, integer);
        Assert.True(TryRead($"0.{zeros}12e1000002", out integer));
        Assert.Equal(12, integer);
    }

    [Fact]
    public void An_integer_agrees_with_exact_arithmetic() =>
        Prop.ForAll(Numbers.ToArbitrary(), static number =>
        {
            var isInteger = TryRead(number, out var integer);
            var exact = Exact(number);

            Assert.Equal(exact is { } value && BigInteger.Abs(value) < Limit ? exact : null, isInteger ? (BigInteger)integer : null);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5_000));

    private static bool TryRead(string number, out Int128 integer) =>
        Int128.TryParse(number, ScalarCheck.Integer, CultureInfo.InvariantCulture, out integer) && Int128.Abs(integer) <= ulong.MaxValue;

    /// <summary>The value of a number, as a fraction of two integers; null if it is not an integer.</summary>
    private static BigInteger? Exact(string number)
    {
        var parts = number.ToUpperInvariant().Split('E');
        var point = parts[0].IndexOf('.', StringComparison.Ordinal);
        var digits = BigInteger.Parse(parts[0].Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        var exponent = (parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0) - (point < 0 ? 0 : parts[0].Length - point - 1);
        var (above, below) = exponent >= 0 ? (digits * BigInteger.Pow(10, exponent), BigInteger.One) : (digits, BigInteger.Pow(10, -exponent));
        return above % below == 0 ? above / below : null;
    }
}
