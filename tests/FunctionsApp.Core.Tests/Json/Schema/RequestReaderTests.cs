using System.Text;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns.Sequence;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Json.Schema;

public sealed class RequestReaderTests
{
    private static readonly RequestReader Reader = new(Options.Create(new LimitsOptions { MaxDepth = 5 }));

    [Fact]
    public void No_body_is_the_empty_input() => Assert.Equal("{}", Reader.ReadInput(ReadOnlyMemory<byte>.Empty).ToString());

    [Fact]
    public void A_long_name_is_cut()
    {
        var name = new string('x', 7_900);

        var problem = Assert.Throws<ProblemException>(() => Reader.Read<SequenceRequest>(Encoding.UTF8.GetBytes($$"""{"{{name}}":1,"steps":[]}"""))).Problem;

        Assert.Equal($"/{name[..100]}…", Assert.Single(problem.Errors!).Key);
        Assert.InRange(problem.Detail.Length, 100, 200);
    }

    [Fact]
    public void A_byte_order_mark_alone_is_the_empty_input() => Assert.Equal("{}", Input("\uFEFF"));

    [Theory]
    [InlineData("{\"x\":1}")]
    [InlineData(" \t\r\n{\"x\":1}\r\n")]
    [InlineData("\uFEFF{\"x\":1}")]
    [InlineData("\uFEFF {\"x\":1}")]
    public void White_space_and_a_byte_order_mark_around_an_input_are_dropped(string body) => Assert.Equal("{\"x\":1}", Input(body));

    [Theory]
    [InlineData("null")]
    [InlineData("[1,2]")]
    [InlineData("1e400")]
    [InlineData("-0")]
    [InlineData("12345678901234567890123")]
    [InlineData("\"\\u00e4\"")]
    [InlineData("{\"a\":1,\"a\":2}")]
    public void An_input_of_any_shape_is_passed_on_as_written(string body) => Assert.Equal(body, Input(body));

    [Theory]
    [InlineData("\uFEFF\uFEFF{}", 1, 1)]
    [InlineData("{} x", 1, 4)]
    [InlineData("{}{}", 1, 3)]
    [InlineData("{\n\"a\" 1}", 2, 5)]
    [InlineData("{\r\n  \"a\": tru}", 2, 11)]
    [InlineData("[1,\n2,\n]", 3, 1)]
    [InlineData("nul", 1, 4)]
    [InlineData("\"open", 1, 6)]
    [InlineData("\v{}", 1, 1)]
    [InlineData("\u00a0{}", 1, 1)]
    public void A_body_that_is_not_JSON_is_malformed_at_a_line_and_a_position(string body, long line, long position)
    {
        var problem = Samples.Refusal(() => Input(body));

        Assert.Equal(("/problems/malformed-json", 400, line, position), (problem.Type, problem.Status, problem.Line, problem.Position));
    }

    [Fact]
    public void The_detail_of_a_malformed_body_has_the_position_once() =>
        Assert.Equal(
            "'x' follows the end of the value (line 1, position 4)",
            Samples.Refusal(() => Input("{} x")).Detail);

    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x7B, 0x00 }, 1, 1)]
    [InlineData(new byte[] { 0x22, 0x0A, 0x22, 0xC3, 0x28 }, 2, 2)]
    [InlineData(new byte[] { 0x22, 0xED, 0xA0, 0x80, 0x22 }, 1, 2)]
    [InlineData(new byte[] { 0x22, 0xC0, 0xAF, 0x22 }, 1, 2)]
    [InlineData(new byte[] { 0x22, 0xF4, 0x90, 0x80, 0x80, 0x22 }, 1, 2)]
    [InlineData(new byte[] { 0xEF, 0xBB, 0xBF, 0x22, 0x61, 0xE2, 0x82 }, 1, 3)]
    public void A_body_that_is_not_UTF_8_is_malformed_at_its_first_bad_byte(byte[] body, long line, long position)
    {
        var problem = Samples.Refusal(() => Reader.ReadInput(body));

        Assert.Equal(("The text is not UTF-8", line, position), (problem.Detail.Split(" (")[0], problem.Line, problem.Position));
    }

    [Fact]
    public void An_invalid_byte_in_a_request_of_a_pattern_is_malformed_too() =>
        Assert.Equal("/problems/malformed-json", Samples.Refusal(() => Reader.Read<SequenceRequest>(new byte[] { 0x7B, 0x80, 0x7D })).Type);

    [Fact]
    public void Half_of_a_surrogate_pair_in_an_input_is_an_error_at_its_pointer() =>
        Assert.Equal(
            "/a/0 has half of a surrogate pair, which is not valid Unicode text",
            Samples.Lines(Samples.Refusal(() => Input("""{"a":["\ud800"]}"""))));

    [Theory]
    [InlineData("[[[[[]]]]]", true)]
    [InlineData("[[[[[1]]]]]", true)]
    [InlineData("[[[[[[]]]]]]", false)]
    [InlineData("""{"a":[{"a":[{"a":{}}]}]}""", false)]
    public void An_input_nests_as_deep_as_the_limit_and_no_deeper(string body, bool fits) =>
        Assert.Equal(fits ? body : "/problems/too-large", fits ? Input(body) : Samples.Refusal(() => Input(body)).Type);

    [Fact]
    public void A_bomb_of_brackets_is_too_large_even_though_it_never_closes() =>
        Assert.Equal(413, Samples.Refusal(() => Input(new string('[', 1_000_000))).Status);

    [Theory]
    [InlineData("")]
    [InlineData("\uFEFF")]
    public void A_pattern_needs_a_body(string body) =>
        Assert.Equal("/problems/malformed-json", Samples.Refusal(() => Read<SequenceRequest>(body)).Type);

    [Theory]
    [InlineData("null", " must be an object, not null")]
    [InlineData("{}", "/steps is required")]
    [InlineData("""{"steps":null}""", "/steps must be an array, not null")]
    [InlineData("""{"steps":[null]}""", "/steps/0 must be an object, not null")]
    [InlineData("""{"steps":[{"operation":null}]}""", "/steps/0/operation must be a string, not null")]
    [InlineData("""{"steps":[{"operation":"a"},{"input":1}]}""", "/steps/1/operation is required")]
    [InlineData("""{"steps":[],"timeOutSeconds":1}""", "/timeOutSeconds is not a known property; known are steps, timeoutSeconds")]
    public void A_request_of_the_wrong_shape_is_refused_with_its_errors(string body, string expected) =>
        Assert.Equal(expected, Samples.Lines(Samples.Refusal(() => Read<SequenceRequest>(body))));

    [Fact]
    public void A_step_without_input_has_none() => Assert.Null(Read<SequenceRequest>("""{"steps":[{"operation":"a"}]}""").Steps[0].Input);

    [Fact]
    public void The_input_of_a_step_is_kept_as_written() =>
        Assert.Equal("""[1e400, -0]""", Read<SequenceRequest>("""{"steps":[{"operation":"a","input":[1e400, -0]}]}""").Steps[0].Input.ToString());

    private static string Input(string body) => Reader.ReadInput(Encoding.UTF8.GetBytes(body)).ToString();

    private static T Read<T>(string body) => Reader.Read<T>(Encoding.UTF8.GetBytes(body));
}
