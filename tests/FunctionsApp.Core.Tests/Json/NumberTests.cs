using System.Text.Json;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Tests.Json;

public sealed class NumberTests
{
    [Theory]
    [InlineData("0", "0", true)]
    [InlineData("-0", "0", true)]
    [InlineData("-0.0", "-0", false)]
    [InlineData("9223372036854775807", "9223372036854775807", true)]
    [InlineData("-9223372036854775808", "-9223372036854775808", true)]
    [InlineData("9223372036854775808", "9.223372036854775808E18", false)]
    [InlineData("1.0", "1", false)]
    [InlineData("1e2", "100", false)]
    [InlineData("0.1", "0.1", false)]
    [InlineData("5e-324", "5E-324", false)]
    [InlineData("1.7976931348623157e308", "1.7976931348623157E+308", false)]
    [InlineData("1e-400", "0", false)]
    [InlineData("9007199254740993", "9007199254740993", true)]
    public void A_number_is_an_integer_if_it_is_written_as_one_and_fits(string json, string value, bool isInteger)
    {
        var number = Read(json);

        Assert.Equal((double.Parse(value, System.Globalization.CultureInfo.InvariantCulture), isInteger), (number.AsDouble, number.IsInteger));
    }

    [Theory]
    [InlineData("-0", "0")]
    [InlineData("-0.0", "-0")]
    [InlineData("9007199254740993", "9007199254740993")]
    [InlineData("9223372036854775807", "9223372036854775807")]
    [InlineData("9223372036854775808", "9.223372036854776E+18")]
    [InlineData("2.50", "2.5")]
    [InlineData("1e2", "100")]
    public void A_number_is_written_as_short_as_it_reads_back(string json, string expected) =>
        Assert.Equal(expected, JsonSerializer.Serialize(Read(json), CoreJson.TypeInfo<Number>()));

    [Theory]
    [InlineData("\"1\"")]
    [InlineData("null")]
    [InlineData("true")]
    [InlineData("[1]")]
    public void A_value_that_is_not_a_number_is_refused(string json) => Assert.Throws<JsonException>(() => Read(json));

    [Theory]
    [InlineData("1", "2", "3")]
    [InlineData("9223372036854775806", "1", "9223372036854775807")]
    [InlineData("9223372036854775807", "1", "9.223372036854776E+18")]
    [InlineData("-9223372036854775808", "-1", "-9.223372036854776E+18")]
    [InlineData("-9223372036854775808", "9223372036854775807", "-1")]
    [InlineData("0.1", "0.2", "0.30000000000000004")]
    [InlineData("1", "0.5", "1.5")]
    public void A_sum_is_an_integer_while_it_fits(string left, string right, string expected) =>
        Assert.Equal(expected, Text(Read(left) + Read(right)));

    [Theory]
    [InlineData("3", "-4", "-12")]
    [InlineData("3037000499", "3037000499", "9223372030926249001")]
    [InlineData("3037000500", "3037000500", "9.22337203700025E+18")]
    [InlineData("-9223372036854775808", "1", "-9223372036854775808")]
    [InlineData("-9223372036854775808", "-1", "9.223372036854776E+18")]
    [InlineData("4294967296", "-2147483648", "-9223372036854775808")]
    [InlineData("4294967296", "2147483648", "9.223372036854776E+18")]
    [InlineData("4294967296", "4294967296", "1.8446744073709552E+19")]
    [InlineData("0", "-5", "0")]
    [InlineData("2", "1.5", "3")]
    public void A_product_is_an_integer_while_it_fits(string left, string right, string expected) =>
        Assert.Equal(expected, Text(Read(left) * Read(right)));

    [Theory]
    [InlineData("9007199254740992", "9007199254740993", true)]
    [InlineData("9007199254740993", "9007199254740992", false)]
    [InlineData("-9223372036854775808", "9223372036854775807", true)]
    [InlineData("1", "1", false)]
    [InlineData("1", "1.5", true)]
    [InlineData("1.5", "1", false)]
    [InlineData("-1e308", "-9223372036854775808", true)]
    public void Integers_are_compared_exactly_and_others_as_doubles(string left, string right, bool less) =>
        Assert.Equal((less, less), (Read(left) < Read(right), Read(right) > Read(left)));

    private static Number Read(string json) => JsonSerializer.Deserialize(json, CoreJson.TypeInfo<Number>());

    private static string Text(Number number) => JsonSerializer.Serialize(number, CoreJson.TypeInfo<Number>());
}
