using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Tests.Json;

public sealed class JsonPointerTests
{
    /// <summary>The document of RFC 6901, section 5.</summary>
    private const string Rfc =
        """{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}""";

    [Theory]
    [InlineData("", Rfc)]
    [InlineData("/foo", """["bar","baz"]""")]
    [InlineData("/foo/0", "\"bar\"")]
    [InlineData("/", "0")]
    [InlineData("/a~1b", "1")]
    [InlineData("/c%d", "2")]
    [InlineData("/e^f", "3")]
    [InlineData("/g|h", "4")]
    [InlineData("/i\\j", "5")]
    [InlineData("/k\"l", "6")]
    [InlineData("/ ", "7")]
    [InlineData("/m~0n", "8")]
    public void The_examples_of_the_RFC_have_its_values(string pointer, string expected) =>
        Assert.Equal(expected, JsonPointer.Follow(Samples.Parse(Rfc), JsonPointer.Split(pointer))!.Value.GetRawText());

    [Theory]
    [InlineData("/bar")]
    [InlineData("/foo/2")]
    [InlineData("/foo/-")]
    [InlineData("/foo/-1")]
    [InlineData("/foo/00")]
    [InlineData("/foo/01")]
    [InlineData("/foo/+1")]
    [InlineData("/foo/1.0")]
    [InlineData("/foo/ 1")]
    [InlineData("/foo/١")]
    [InlineData("/foo/")]
    [InlineData("/foo/0/0")]
    [InlineData("/foo/0/length")]
    [InlineData("/foo/4294967296")]
    [InlineData("/foo/99999999999999999999")]
    [InlineData("//")]
    [InlineData("/a/b")]
    [InlineData("/FOO")]
    public void A_pointer_to_a_missing_value_finds_nothing(string pointer) =>
        Assert.Null(JsonPointer.Follow(Samples.Parse(Rfc), JsonPointer.Split(pointer)));

    [Fact]
    public void A_null_value_is_found() =>
        Assert.Equal("null", JsonPointer.Follow(Samples.Parse("""{"a":null}"""), ["a"])!.Value.GetRawText());

    [Theory]
    [InlineData("/~01", "~1")]
    [InlineData("/~10", "/0")]
    [InlineData("/~00", "~0")]
    [InlineData("/~0~1", "~/")]
    public void A_token_is_unescaped_once(string pointer, string token) => Assert.Equal([token], JsonPointer.Split(pointer)!);

    [Theory]
    [InlineData("a")]
    [InlineData("a/b")]
    [InlineData("#/a")]
    [InlineData(" /a")]
    public void A_text_without_a_leading_slash_is_not_a_pointer(string pointer) => Assert.Null(JsonPointer.Split(pointer));

    [Theory]
    [InlineData("/~")]
    [InlineData("/a~")]
    [InlineData("/~2")]
    [InlineData("/a/~x/b")]
    public void A_text_with_an_invalid_escape_is_not_a_pointer(string pointer) => Assert.Null(JsonPointer.Split(pointer));

    [Theory]
    [InlineData("plain")]
    [InlineData("")]
    [InlineData("~")]
    [InlineData("/")]
    [InlineData("~1")]
    [InlineData("~0/~01//")]
    public void An_appended_token_is_split_off_again(string property) =>
        Assert.Equal(["top", property, "5"], JsonPointer.Split(JsonPointer.Append(JsonPointer.Append("/top", property), 5))!);

    [Theory]
    [InlineData(null, "")]
    [InlineData("$", "")]
    [InlineData("$.items[3].x", "/items/3/x")]
    [InlineData("$[0][12]", "/0/12")]
    [InlineData("$['a.b'].c", "/a.b/c")]
    [InlineData("$.a['b c'][1]", "/a/b c/1")]
    [InlineData("$['a/b']", "/a~1b")]
    [InlineData("$.m~n", "/m~0n")]
    public void The_path_of_a_JSON_exception_becomes_a_pointer(string? path, string pointer) =>
        Assert.Equal(pointer, JsonPointer.FromPath(path));
}
