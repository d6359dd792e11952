using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Tests.Patterns.Map;

namespace FunctionsApp.Core.Tests.Json.Schema;

public sealed class SchemaCheckTests
{
    [Theory]
    [InlineData("""{}""", "/x is required")]
    [InlineData("""{"x":null}""", "/x must be a number, not null")]
    [InlineData("""{"x":"1"}""", "/x must be a number, not a string")]
    [InlineData("""{"x":true}""", "/x must be a number, not a boolean")]
    [InlineData("""{"x":{}}""", "/x must be a number, not an object")]
    [InlineData("""{"x":[[1],{"x":2}]}""", "/x must be a number, not an array")]
    [InlineData("""{"x":1,"part":[]}""", "/part must be an object, not an array")]
    [InlineData("""{"x":1,"flags":[1]}""", "/flags/0 must be true or false, not a number")]
    [InlineData("""{"x":1,"part":{"name":null}}""", "/part/name must be a string, not null")]
    [InlineData("""{"x":1,"part":{}}""", "/part/name is required")]
    [InlineData("""{"x":1,"part":{"name":"n","a/b~c":"s"}}""", "/part/a~1b~0c must be an integer of at most 64 bits, not a string")]
    [InlineData("""{"x":1,"map":{"k":true}}""", "/map/k must be an integer from -2147483648 to 2147483647, not a boolean")]
    [InlineData("""{"x":1,"map":{"a/b~":true}}""", "/map/a~1b~0 must be an integer from -2147483648 to 2147483647, not a boolean")]
    [InlineData("""{"x":1,"map":{"":true}}""", "/map/ must be an integer from -2147483648 to 2147483647, not a boolean")]
    public void A_value_of_the_wrong_type_is_an_error_at_its_pointer(string json, string expected) =>
        Assert.Equal(expected, Samples.ValidationErrors(json));

    [Theory]
    [InlineData("[]", " must be an object, not an array")]
    [InlineData("null", " must be an object, not null")]
    [InlineData("7", " must be an object, not a number")]
    [InlineData("\"x\"", " must be an object, not a string")]
    [InlineData("false", " must be an object, not a boolean")]
    public void A_body_of_the_wrong_type_is_an_error_at_the_empty_pointer(string json, string expected) =>
        Assert.Equal(expected, Samples.ValidationErrors(json));

    [Theory]
    [InlineData("""{"x":1,"small":11}""", "/small must be an integer from -5 to 10")]
    [InlineData("""{"x":1,"small":-6}""", "/small must be an integer from -5 to 10")]
    [InlineData("""{"x":1,"small":1.5}""", "/small must be an integer from -5 to 10")]
    [InlineData("""{"x":1,"ratio":1.6}""", "/ratio must be a number from 0.5 to 1.5")]
    [InlineData("""{"x":1,"ratio":0}""", "/ratio must be a number from 0.5 to 1.5")]
    [InlineData("""{"x":1,"text":"a"}""", "/text must be at least 2 characters long")]
    [InlineData("""{"x":1,"text":""}""", "/text must be at least 2 characters long")]
    [InlineData("""{"x":1,"text":"abcde"}""", "/text must be at most 4 characters long")]
    [InlineData("""{"x":1,"text":"\u0061"}""", "/text must be at least 2 characters long")]
    [InlineData("""{"x":1,"colour":"blue"}""", "/colour must be one of 'red', 'green'")]
    [InlineData("""{"x":1,"colour":"Red"}""", "/colour must be one of 'red', 'green'")]
    [InlineData("""{"x":1,"flags":[]}""", "/flags must not be empty")]
    [InlineData("""{"x":1,"flags":[true,true,true]}""", "/flags must have at most 2 items")]
    public void A_value_out_of_range_is_an_error_with_the_range(string json, string expected) =>
        Assert.Equal(expected, Samples.ValidationErrors(json));

    [Theory]
    [InlineData("1e999")]
    [InlineData("-1e999")]
    [InlineData("1e2147483648")]
    [InlineData("1e99999999999999999999")]
    [InlineData("123456789e4294967295")]
    public void A_number_beyond_the_doubles_is_an_error(string number) =>
        Assert.Equal("/x must be a number, and at most 1.7976931348623157E+308 in size", Samples.ValidationErrors($$"""{"x":{{number}}}"""));

    [Theory]
    [InlineData("9223372036854775808")]
    [InlineData("-9223372036854775809")]
    [InlineData("99999999999999999999999999")]
    [InlineData("1e99999999999999999999")]
    [InlineData("1.5")]
    public void A_number_that_is_not_a_64_bit_integer_is_an_error_if_one_is_required(string number) =>
        Assert.Equal("/big must be an integer of at most 64 bits", Samples.ValidationErrors($$"""{"x":1,"big":{{number}}}"""));

    [Theory]
    [InlineData("""{"x":1,"Small":1}""", "/Small")]
    [InlineData("""{"x":1,"a/b":1}""", "/a~1b")]
    [InlineData("""{"x":1,"a~b":1}""", "/a~0b")]
    [InlineData("""{"x":1,"":1}""", "/")]
    [InlineData("""{"x":1,"\u0061\n":{"deep":[1,2]}}""", "/a\n")]
    public void An_unknown_property_is_named_and_the_known_ones_are_listed(string json, string pointer) =>
        Assert.Equal(
            pointer + " is not a known property; known are x, small, big, ratio, text, colour, flags, part, map, bytes, any",
            Samples.ValidationErrors(json));

    [Theory]
    [InlineData("""{"x":1,"x":2}""")]
    [InlineData("""{"x":1,"\u0078":2}""")]
    [InlineData("""{"\u0078":1,"x":{"x":[]}}""")]
    public void A_repeated_property_is_an_error_in_any_spelling(string json) =>
        Assert.Equal("/x appears more than once", Samples.ValidationErrors(json));

    [Theory]
    [InlineData("""{"x":1,"part":{"name":"n","name":"m"}}""", "/part/name appears more than once")]
    public void A_repeated_nested_property_is_an_error(string json, string expected) =>
        Assert.Equal(expected, Samples.ValidationErrors(json));

    [Theory]
    [InlineData("""{"x":1,"text":"\ud800"}""", "/text")]
    [InlineData("""{"x":1,"text":"\udc00\ud800"}""", "/text")]
    [InlineData("""{"x":1,"any":{"deep":["a","\ud83d"]}}""", "/any/deep/1")]
    [InlineData("""{"x":1,"map":{"\ud800":1}}""", "/map")]
    [InlineData("""{"x":1,"any":{"\udfff":[{"a":1}]}}""", "/any")]
    [InlineData("""{"x":1,"\ud800":1}""", "")]
    public void Half_of_a_surrogate_pair_is_an_error_everywhere(string json, string pointer) =>
        Assert.Equal(pointer + " has half of a surrogate pair, which is not valid Unicode text", Samples.ValidationErrors(json));

    [Fact]
    public void A_whole_surrogate_pair_is_text() =>
        Assert.Equal("😀!", Samples.Read("""{"x":1,"text":"\ud83d\ude00!"}""").Text);

    [Fact]
    public void An_escaped_backslash_before_a_u_is_not_an_escape() =>
        Assert.Equal("""\ud8""", Samples.Read("""{"x":1,"text":"\\ud8"}""").Text![..4]);

    [Fact]
    public void Length_is_counted_in_characters_as_JSON_Schema_does() =>
        Assert.Equal("😀😀😀", Samples.Read("""{"x":1,"text":"😀😀😀"}""").Text);

    [Fact]
    public void Every_error_is_listed_in_the_order_of_the_text() =>
        Assert.Equal(
            """
            /small must be an integer from -5 to 10
            /bogus is not a known property; known are x, small, big, ratio, text, colour, flags, part, map, bytes, any
            /flags/1 must be true or false, not null
            /flags must have at most 2 items
            /part/name is required
            /x is required
            """,
            Samples.ValidationErrors("""{"small":99,"bogus":[1,{}],"flags":[true,null,false],"part":{}}"""),
            ignoreLineEndingDifferences: true);

    [Fact]
    public void Errors_are_not_reported_before_the_whole_text_is_known_to_be_JSON() =>
        Assert.Equal("malformed-json", Samples.Refusal(() => Samples.Read("""{"bogus":1} x""")).Slug);

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("{")]
    [InlineData("""{"x":1""")]
    [InlineData("""{"x":1}}""")]
    [InlineData("""{"x":1} {"x":2}""")]
    [InlineData("""{"x":1,}""")]
    [InlineData("""{"x":01}""")]
    [InlineData("""{"x":+1}""")]
    [InlineData("""{"x":NaN}""")]
    [InlineData("""{"x":1/*no*/}""")]
    [InlineData("""{'x':1}""")]
    [InlineData("""{"x":1,"text":"a\x"}""")]
    [InlineData("{\"x\":1,\"text\":\"a\nb\"}")]
    [InlineData("{\"x\":1}\0")]
    [InlineData("""{"bogus":[1,}""")]
    public void Text_that_is_not_JSON_throws_an_exception(string json) =>
        Assert.Equal("malformed-json", Samples.Refusal(() => Samples.Read(json)).Slug);

    [Theory]
    [InlineData(3, """{"x":1,"any":[[]]}""")]
    [InlineData(3, """{"x":1,"any":[{"a":1}]}""")]
    public void A_value_may_nest_as_deep_as_the_limit(int maxDepth, string json) =>
        Assert.Equal(JsonValueKind.Array, Samples.Contract.Read(Encoding.UTF8.GetBytes(json), "", maxDepth).Any!.Value.ValueKind);

    [Theory]
    [InlineData("""{"x":1,"any":[[[]]]}""")]
    [InlineData("""{"x":1,"any":{"a":[{}]}}""")]
    public void A_value_that_nests_deeper_than_the_limit_is_too_large(string json)
    {
        var problem = Samples.Refusal(() => Samples.Contract.Read(Encoding.UTF8.GetBytes(json), "", maxDepth: 3));

        Assert.Equal(("/problems/too-large", 413), (problem.Type, problem.Status));
    }

    [Fact]
    public void A_million_brackets_in_place_of_a_number_are_one_error()
    {
        var json = "{\"x\":" + new string('[', 1_000_000) + new string(']', 1_000_000) + "}";

        Assert.Equal("/x must be a number, not an array", Samples.ValidationErrors(json));
    }

    [Fact]
    public void At_most_a_hundred_errors_are_listed()
    {
        var json = "{\"x\":1,\"map\":{" + string.Join(',', Enumerable.Range(0, 5_000).Select(static i => $"\"k{i}\":null")) + "}}";

        Assert.Equal(100, Samples.Refusal(() => Samples.Read(json)).Errors!.Count);
    }

    [Fact]
    public void A_property_that_is_repeated_many_times_is_listed_once()
    {
        var json = "{\"x\":1" + string.Concat(Enumerable.Repeat(",\"x\":1", 5_000)) + "}";

        var problem = Samples.Refusal(() => Samples.Read(json));

        Assert.InRange(problem.Errors!.Sum(static error => error.Value.Length), 1, 100);
    }

    [Fact]
    public void Errors_of_a_small_body_with_long_names_take_little_memory()
    {
        var json = Encoding.UTF8.GetBytes(
            "{\"x\":1,\"bogus\":1,\"any\":{\"" + new string('n', 100_000) + "\":[0" + string.Concat(Enumerable.Repeat(",0", 2_000)) + "]}}");

        var before = GC.GetAllocatedBytesForCurrentThread();
        Samples.Refusal(() => Samples.Contract.Read(json, ""));
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // 100 times the body, where a pointer of its own for each element would take 400 MB.
        Assert.InRange(allocated, 1, 100 * json.Length);
    }

    [Fact]
    public void Errors_deep_below_a_long_name_do_not_copy_it_at_each_level()
    {
        var json = Encoding.UTF8.GetBytes(
            "{\"x\":1,\"any\":{\"" + new string('n', 200_000) + "\":" + new string('[', 60) + "0" + string.Concat(Enumerable.Repeat(",\"\\ud800\"", 100)) + new string(']', 60) + "}}");

        var before = GC.GetAllocatedBytesForCurrentThread();
        Samples.Refusal(() => Samples.Contract.Read(json, ""));
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.InRange(allocated, 1, 100 * json.Length);
    }

    [Fact]
    public void A_pointer_that_is_cut_short_is_still_text()
    {
        var names = Enumerable.Range(980, 20).Select(static length => new string('n', length) + "😀😀");

        Assert.All(names, static name => Assert.DoesNotContain('\uFFFD', Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(
            Samples.ValidationErrors($$"""{"x":1,"{{name}}":1}""")))));
    }

    [Fact]
    public void The_problem_of_a_hostile_body_is_not_larger_than_the_body()
    {
        var json = Encoding.UTF8.GetBytes(
            "{\"x\":1,\"any\":{\"" + new string('n', 20_000) + "\":[1" + string.Concat(Enumerable.Repeat(",\"\\ud800\"", 100)) + "]}}");

        var problem = Samples.Refusal(() => Samples.Contract.Read(json, ""));

        Assert.InRange(Samples.Lines(problem).Length + problem.Detail.Length, 1, json.Length);
    }

    [Theory]
    [InlineData("""{"x":1,"small":-5}""")]
    [InlineData("""{"x":1,"small":10}""")]
    [InlineData("""{"x":1,"ratio":0.5}""")]
    [InlineData("""{"x":1,"ratio":1}""")]
    [InlineData("""{"x":1,"ratio":15e-1}""")]
    [InlineData("""{"x":1,"text":"ab"}""")]
    [InlineData("""{"x":1,"text":"\u0061\u0062\u0063\u0064"}""")]
    [InlineData("""{"x":1,"colour":"\u0072ed"}""")]
    [InlineData("""{"x":1,"small":null,"big":null,"ratio":null,"text":null,"flags":null,"part":null,"map":null,"any":null}""")]
    [InlineData(" \t\r\n{ \"x\" : 1 } \n")]
    [InlineData("""{"x":1,"big":-9223372036854775808}""")]
    [InlineData("""{"x":1,"any":1e999}""")]
    [InlineData("""{"x":1,"any":[1e99999999999999999999]}""")]
    public void A_value_that_matches_the_schema_passes(string json) => Assert.Equal(1, Samples.Read(json).X.AsInteger);

    [Fact]
    public void An_optional_property_that_does_not_accept_null_refuses_it() =>
        Assert.Equal("/down must be an integer from -2147483648 to 2147483647, not null", Samples.Lines(
            Samples.Refusal(() => MapItem.Read<SamplePoint>("""{"across":1,"down":null}"""))));

    [Fact]
    public void A_valid_value_is_checked_without_allocation()
    {
        var schema = new SchemaNode(Samples.Contract.Schema);
        var json = """{"x":1,"small":3,"colour":"red","flags":[true],"part":{"name":"n"},"map":{"k":1},"any":[1,2,{"a":"b"}]}"""u8.ToArray();
        _ = SchemaCheck.Run(schema, json, 64);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var errors = SchemaCheck.Run(schema, json, 64);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Null(errors);
        Assert.Equal(0, allocated);
    }
}
