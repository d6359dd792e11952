using System.Text;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>What a client is told of a body that cannot be read: what is wrong, and where; nothing that only a developer of the framework would say.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class BadBodyTests(FunctionsAppFixture app)
{
    private static readonly string[] ParserWords =
    [
        "isFinalBlock", "JsonReaderOptions", "LineNumber", "BytePosition", "Path:", "System.", "Json.", "Exception", "token", "Utf8", "Int32", "Int64", "delimiter", "0x",
        "Deserialize", "ConverterStrategy", "does not fit its type",
    ];

    /// <summary>Texts that are not JSON (after the n_ files of JSONTestSuite, https://github.com/nst/JSONTestSuite, MIT), some as bytes in Latin-1.</summary>
    private static readonly string[] NotJson =
    [
        "{", "[", "[1,", "[1,]", "[,1]", "[1,,2]", "{\"a\":1,}", "{\"a\" 1}", "{\"a\":}", "{a:1}", "{'a':1}", "{\"a\":1]", "[1}", "[1]]", "{}{}", "[] x", "[+1]", "[01]", "[-]", "[.5]", "[1.]",
        "[1e]", "[1e+]", "[0x1]", "[NaN]", "[-Infinity]", "[True]", "[nul]", "[nullx]", "\"", "\"a", "[\"\\x\"]", "[\"\\u12\"]", "[\"\\u12g4\"]", "[\"a\nb\"]", "[\"\t\"]", "[\"\0\"]", "\0", "\v",
        "// c\n[]", "[1/*c*/]", "<a/>", "a=1", "\u00ff", "\"\u00e9\"", "\u00ef\u00bb\u00bf\u00ef\u00bb\u00bf{}", "[1\u00a0]", "{\"a\":\"\u00ed\u00a0\u0080\"}",
    ];

    public static TheoryData<string> Paths => ["await/hash", "sequence", "gather", "callback/echo", "map/hash", "stream/count", "tasks/echo", "tasks"];

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task A_body_that_is_not_JSON_is_reported_with_its_position(string path)
    {
        foreach (var body in NotJson)
        {
            var response = await PostAsync(path, body, "application/json");

            Assert.True(response.Problem is "malformed-json", $"{body}: {response}");
            AssertHasPlace(response.Body);
        }
    }

    [Theory]
    [InlineData("sequence")]
    [InlineData("gather")]
    [InlineData("map/hash")]
    [InlineData("tasks")]
    public async Task An_empty_body_is_reported(string path)
    {
        var response = await PostAsync(path, "", "application/json");

        Assert.Equal("The text is empty, but a JSON value is expected (line 1, position 1)", response["detail"].GetString());
    }

    [Fact]
    public async Task A_line_that_is_not_JSON_is_reported_with_its_position()
    {
        var lines = NotJson.Where(static text => !text.Contains('\n', StringComparison.Ordinal) && text is not ("\v" or "\0")).ToArray();
        using var request = Request("map/hash?returnExceptions=true", string.Concat(lines.Select(static line => $"\n  {line}\n")), "application/x-ndjson");
        using var response = await app.Api.Http.SendAsync(request);
        var answers = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(lines.Length + 1, answers.Length);
        for (var i = 0; i < lines.Length; i++)
        {
            var error = JsonElement.Parse(answers[i]).GetProperty("error");
            Assert.True(error.GetProperty("type").GetString() is "/problems/malformed-json", $"{lines[i]}: {error}");
            Assert.Equal((2 * i) + 2, error.GetProperty("line").GetInt32());
            Assert.InRange(error.GetProperty("position").GetInt32(), 3, 30);
            AssertHasPlace(error);
        }
    }

    [Theory]
    [InlineData("await/hash", """{"base64":"?"}""", "/base64 must be base64 text (RFC 4648, section 4).")]
    [InlineData("await/hash", """{"base64":"QQ"}""", "/base64 must be base64 text (RFC 4648, section 4).")]
    [InlineData("await/hash", """{"base64":"QQ-_"}""", "/base64 must be base64 text (RFC 4648, section 4).")]
    [InlineData("await/compress", """{"base64":1}""", "/base64 must be base64 text (RFC 4648, section 4) or null, not a number.")]
    [InlineData("await/hash", """{"text":"a","algorithm":"sha3"}""", "/algorithm must be one of 'md5', 'sha1', 'sha256', 'sha384', 'sha512'.")]
    [InlineData("await/hash", """{"text":"a","text":"b"}""", "/text appears more than once.")]
    [InlineData("await/text.format", """{"template":"","values":{"a":1,"a":2}}""", "/values/a appears more than once.")]
    [InlineData("await/http.request", """{"url":"http://example.com","headers":{"a":"1","a":"2"}}""", "/headers/a appears more than once.")]
    [InlineData("await/http.request", """{"url":"nowhere"}""", "/url must be")]
    [InlineData("await/delay", """{"seconds":1e400}""", "/seconds must be a number from 0 to 86400.")]
    [InlineData("await/math.square", """{"x":1e400}""", "/x must be a number, and at most 1.7976931348623157E+308 in size.")]
    [InlineData("await/math.square", """{"x":"1"}""", "/x must be a number, not a string.")]
    [InlineData("await/hash", """{"text":"\ud800"}""", "/text has half of a surrogate pair, which is not valid Unicode text.")]
    [InlineData("await/primes.factor", """{"n":1e19}""", "/n must be an integer from 1 to 9223372036854775807.")]
    [InlineData("await/primes.factor", """{"n":1.5}""", "/n must be an integer from 1 to 9223372036854775807.")]
    [InlineData("await/primes.factor", """{}""", "/n is required.")]
    [InlineData("tasks/echo", """{"input":{"value":1},"retry":{"maxAttempts":2.5}}""", "/retry/maxAttempts must be an integer from 1 to 100.")]
    [InlineData("tasks/echo", """{"input":{"value":1},"ttlSeconds":"soon"}""", "/ttlSeconds must be a number, not a string.")]
    [InlineData("map/math.square", """{"items":[1],"workers":1e-400}""", "/workers must be an integer from 1 to 1024.")]
    [InlineData("map/hash", """{"items":["a",{"base64":"?"}]}""", "/items/1/base64 must be base64 text (RFC 4648, section 4).")]
    [InlineData("map/primes.isPrime", """{"items":[7.0,7.5]}""", "/items/1 must be an integer")]
    public async Task A_value_of_the_wrong_type_is_reported_with_the_required_type(string path, string body, string detail)
    {
        var response = await PostAsync(path, body, "application/json");

        Assert.True(response.Problem is "invalid-request", $"{response}");
        Assert.StartsWith(detail.TrimEnd('.').Replace(" or null", "", StringComparison.Ordinal), response["detail"].GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain(ParserWords, word => response.Body.GetRawText().Contains(word, StringComparison.OrdinalIgnoreCase));
    }

    private static void AssertHasPlace(JsonElement problem)
    {
        var detail = problem.GetProperty("detail").GetString()!;
        Assert.EndsWith($" (line {problem.GetProperty("line")}, position {problem.GetProperty("position")})", detail, StringComparison.Ordinal);
        Assert.DoesNotContain(ParserWords, word => detail.Contains(word, StringComparison.OrdinalIgnoreCase));
    }

    private async Task<ApiResponse> PostAsync(string path, string body, string contentType)
    {
        using var request = Request(path, body, contentType);
        return await ApiResponse.ReadAsync(await app.Api.Http.SendAsync(request));
    }

    private static HttpRequestMessage Request(string path, string body, string contentType) => new(HttpMethod.Post, path)
    {
        Content = new ByteArrayContent(Encoding.Latin1.GetBytes(body)) { Headers = { { "Content-Type", contentType } } },
    };
}
