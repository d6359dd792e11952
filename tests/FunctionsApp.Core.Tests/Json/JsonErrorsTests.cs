using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns.Gather;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Json;

/// <summary>What a client is told of a text that is not JSON: one sentence of this project, and the place.</summary>
public sealed class JsonErrorsTests
{
    /// <summary>What only the developers of a parser would say.</summary>
    private static readonly string[] ParserWords =
    [
        "isFinalBlock", "JsonReaderOptions", "LineNumber", "BytePosition", "Path:", "System.", "Json.", "JsonException", "Exception", "token", "Utf8", "0x", "invalid start",
        "delimiter", "Deserialize", "Parameter", "not supported in this mode",
    ];

    private static readonly RequestReader Reader = new(Options.Create(new LimitsOptions()));

    private static readonly Gen<string> Texts =
        from start in Gen.Elements("", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,\"a\"", "[1,", "[[1]", "{\"a\":[{}")
        from parts in Gen.Elements(
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"a", "\"\\n\"", "\"\\q\"", "\"\\u00e4\"", "\"\\u00g\"", "\"\t\"", "true", "tru", "nul", "nullx", "false", "0", "-", "-1", "01", "1.5",
            "1.", "1e", "1e+", ".5", "+1", " ", "\n", "\r\n", "é", "\"é\n", "'", "/", "//", "NaN", "\0", "\uFEFF").ListOf()
        select start + string.Concat(parts);

    /// <summary>Kinds of texts that parsers must refuse, after JSONTestSuite's n_ files (https://github.com/nst/JSONTestSuite, MIT).</summary>
    [Theory]
    [InlineData("", "The text is empty, but a JSON value is expected", 1, 1)]
    [InlineData(" \n ", "The text is empty, but a JSON value is expected", 2, 2)]
    [InlineData("[1 true]", "'t' stands where a comma or ']' is expected", 1, 4)]
    [InlineData("[a", "'a' is not a JSON value; strings need quotes, and the only words are true, false and null", 1, 2)]
    [InlineData("[\"\": 1]", "':' stands where a comma or ']' is expected", 1, 4)]
    [InlineData("[\"\"],", "',' follows the end of the value", 1, 5)]
    [InlineData("[,1]", "',' stands where a value or ']' is expected", 1, 2)]
    [InlineData("[1,,2]", "',' stands where a value is expected", 1, 4)]
    [InlineData("[\"x\"]]", "']' follows the end of the value", 1, 6)]
    [InlineData("[\"\",]", "A comma must not stand before ']'", 1, 5)]
    [InlineData("[\"x\"", "The text ends where a comma or ']' is expected", 1, 5)]
    [InlineData("[", "The text ends where a value or ']' is expected", 1, 2)]
    [InlineData("[1,", "The text ends where a value is expected", 1, 4)]
    [InlineData("[1\n,1\n,1", "The text ends where a comma or ']' is expected", 3, 3)]
    [InlineData("[fals]", "'fals' is not a JSON value; strings need quotes, and the only words are true, false and null", 1, 6)]
    [InlineData("[nul", "'nul' is not a JSON value; strings need quotes, and the only words are true, false and null", 1, 5)]
    [InlineData("[True]", "'True' is not a JSON value; strings need quotes, and the only words are true, false and null", 1, 2)]
    [InlineData("[NaN]", "'NaN' is not a JSON value; strings need quotes, and the only words are true, false and null", 1, 2)]
    [InlineData("[-Infinity]", "A digit must follow the minus sign of a number", 1, 3)]
    [InlineData("[-01]", "A number must not have a leading zero", 1, 4)]
    [InlineData("[012]", "A number must not have a leading zero", 1, 3)]
    [InlineData("[+1]", "A number must not have a plus sign", 1, 2)]
    [InlineData("[.123]", "A number must have a digit before its decimal point", 1, 2)]
    [InlineData("[1.]", "A digit must follow the decimal point of a number", 1, 4)]
    [InlineData("[0.e1]", "A digit must follow the decimal point of a number", 1, 4)]
    [InlineData("[1.0e+]", "A digit must follow the exponent sign of a number", 1, 7)]
    [InlineData("[1e]", "A digit must follow the exponent sign of a number", 1, 4)]
    [InlineData("[0x42]", "'x' stands where a comma or ']' is expected", 1, 3)]
    [InlineData("[1_000]", "'_' stands where a comma or ']' is expected", 1, 3)]
    [InlineData("{\"a\"", "The text ends where a colon is expected", 1, 5)]
    [InlineData("{\"a\" \"b\"}", "'\"' stands where a colon is expected", 1, 6)]
    [InlineData("{a: \"b\"}", "'a' stands where a property name or '}' is expected", 1, 2)]
    [InlineData("{'a': 0}", "A string or name must have double quotes, not single quotes", 1, 2)]
    [InlineData("{1:1}", "'1' stands where a property name or '}' is expected", 1, 2)]
    [InlineData("{\"a\":1,}", "A comma must not stand before '}'", 1, 8)]
    [InlineData("{\"a\":1,1:2}", "'1' stands where a property name is expected", 1, 8)]
    [InlineData("{\"a\":", "The text ends where a value is expected", 1, 6)]
    [InlineData("{\"a\":}", "'}' stands where a value is expected", 1, 6)]
    [InlineData("{\"a\":1]", "']' stands where a comma or '}' is expected", 1, 7)]
    [InlineData("{\"a\":\"b\"}/**/", "'/' follows the end of the value", 1, 10)]
    [InlineData("{/*x*/\"a\":1}", "JSON does not allow comments", 1, 2)]
    [InlineData("[1, // one\n2]", "JSON does not allow comments", 1, 5)]
    [InlineData("{\"a\":1} {\"a\":2}", "'{' follows the end of the value", 1, 9)]
    [InlineData("[\"\\", "The text ends within a string", 1, 4)]
    [InlineData("[\"a", "The text ends within a string", 1, 4)]
    [InlineData("[\"\\x00\"]", "A backslash must not stand before 'x', only before \" \\ / b f n r t u", 1, 4)]
    [InlineData("[\"\\u00A\"]", "'\"' stands where \\u must have four hexadecimal digits", 1, 8)]
    [InlineData("[\"\\uD834\\uDd\"]", "'\"' stands where \\u must have four hexadecimal digits", 1, 13)]
    [InlineData("[\"a\0a\"]", "U+0000 must be escaped in a string", 1, 4)]
    [InlineData("[\"a\nb\"]", "U+000A must be escaped in a string", 1, 4)]
    [InlineData("[\"\t\"]", "U+0009 must be escaped in a string", 1, 3)]
    [InlineData("[\u00a01]", "U+00A0 stands where a value or ']' is expected", 1, 2)]
    [InlineData("[\f]", "U+000C stands where a value or ']' is expected", 1, 2)]
    [InlineData("[é]", "'é' stands where a value or ']' is expected", 1, 2)]
    [InlineData("[😀]", "'😀' stands where a value or ']' is expected", 1, 2)]
    [InlineData("\"a\\\nb\"", "A backslash must not stand before U+000A, only before \" \\ / b f n r t u", 1, 4)]
    [InlineData("<html>", "'<' stands where a value is expected", 1, 1)]
    [InlineData("value=1", "'value' is not a JSON value; strings need quotes, and the only words are true, false and null", 1, 1)]
    public void Invalid_JSON_is_reported_at_its_position(string text, string message, long line, long position)
    {
        Assert.ThrowsAny<JsonException>(() => JsonDocument.Parse(text));

        var problem = JsonErrors.Of(Encoding.UTF8.GetBytes(text)).Problem;

        Assert.Equal((message, line, position), (problem.Detail[..problem.Detail.LastIndexOf(" (", StringComparison.Ordinal)], problem.Line, problem.Position));
    }

    /// <summary>Every text that the framework refuses has a fault, at the place where the framework stopped, unless it ends with a comma.</summary>
    [Fact]
    public void Every_error_of_the_framework_is_reported_at_the_same_position() =>
        Prop.ForAll(Texts.ToArbitrary(), static text =>
        {
            var utf8 = Encoding.UTF8.GetBytes(text);
            try
            {
                var reader = new Utf8JsonReader(utf8);
                while (reader.Read())
                {
                }
            }
            catch (JsonException exception)
            {
                var fault = JsonErrors.Of(utf8).Problem;

                Assert.DoesNotContain("The text is not JSON", fault.Detail, StringComparison.Ordinal);

                // The framework takes a comma at the end for the fault itself, not what is missing after it.
                if (!text.TrimEnd(' ', '\r', '\n').EndsWith(','))
                {
                    Assert.Equal((exception.LineNumber + 1, exception.BytePositionInLine + 1), (fault.Line, fault.Position));
                }

                Assert.DoesNotContain(ParserWords, word => fault.Detail.Contains(word, StringComparison.Ordinal));
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));

    [Theory]
    [InlineData("{\"calls\":[{\"operation\":\"hash\",\"input\":{\"text\":\"a\"}]}")]
    [InlineData("{\"calls\":[01]}")]
    [InlineData("{\"calls\":[]} x")]
    [InlineData("")]
    [InlineData("\uFEFF")]
    [InlineData("{\"calls\":")]
    [InlineData("{\"calls\":[{\"operation\":\"\\ud8\"}]}")]
    [InlineData("nul")]
    public void The_problem_of_a_body_that_is_not_JSON_has_the_position_and_no_text_of_a_parser(string body)
    {
        var problem = Samples.Refusal(() => Reader.Read<GatherRequest>(Encoding.UTF8.GetBytes(body)));

        Assert.Equal("malformed-json", problem.Slug);
        Assert.EndsWith($" (line {problem.Line}, position {problem.Position})", problem.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain(ParserWords, word => problem.Detail.Contains(word, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void A_body_that_nests_too_deeply_is_reported_with_its_position()
    {
        var problem = Samples.Refusal(() => Reader.ReadInput(Encoding.UTF8.GetBytes("\n" + new string('[', 70))));

        Assert.Equal(
            ("The body nests deeper than 64 arrays and objects, the value of Limits:MaxDepth (line 2, position 65)", 2L, 65L),
            (problem.Detail, problem.Line, problem.Position));
    }

    [Fact]
    public void Lines_before_a_value_count() =>
        Assert.Equal((3L, 2L), (Samples.Refusal(() => Reader.ReadInput("\r\n\n[x]"u8.ToArray())) is var problem ? (problem.Line!.Value, problem.Position!.Value) : default));
}
