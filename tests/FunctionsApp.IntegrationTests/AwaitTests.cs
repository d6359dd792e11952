using System.Net;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

[Collection(FunctionsAppCollection.Name)]
public sealed class AwaitTests(FunctionsAppFixture app)
{
    [Fact]
    public async Task The_response_has_the_operation_its_result_and_its_duration()
    {
        var response = await app.Api.PostAsync("await/delay", """{"seconds":0.2,"result":{"a":[1,null]}}""");

        Assert.Equal(HttpStatusCode.OK, response.Status);
        Assert.Equal("application/json", response.MediaType);
        Assert.Equal(["operation", "result", "elapsedMs"], response.Body.EnumerateObject().Select(static property => property.Name));
        Assert.Equal("delay", response["operation"].GetString());
        Assert.Equal("""{"a":[1,null]}""", response["result"].GetRawText());
        Assert.True(response["elapsedMs"].GetDouble() >= 200);
    }

    [Fact]
    public async Task A_null_result_is_present()
    {
        var response = await app.Api.PostAsync("await/delay", """{"seconds":0}""");

        Assert.Equal(JsonValueKind.Null, response["result"].ValueKind);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-0")]
    [InlineData("1e400")]
    [InlineData("123456789012345678901234567890.1")]
    [InlineData("\"ünïcödé \\u0000\"")]
    [InlineData("{\"\":{\"a/b\":[[],{}]}}")]
    public async Task JSON_is_echoed_as_it_was_written(string value)
    {
        var response = await app.Api.PostAsync("await/echo", $$"""{"value":{{value}}}""");

        Assert.Equal(value, response["result"].GetRawText());
    }

    [Fact]
    public async Task Text_of_any_script_is_echoed()
    {
        var response = await app.Api.PostAsync("await/echo", """{"value":"日本語 😀 \ud83d\ude00"}""");

        Assert.Equal("日本語 😀 😀", response["result"].GetString());
    }

    [Fact]
    public async Task An_empty_body_is_an_empty_input()
    {
        using var message = await app.Api.Http.PostAsync(new Uri("await/echo", UriKind.Relative), content: null);
        var response = await ApiResponse.ReadAsync(message);

        Assert.Equal("invalid-request", response.Problem);
        Assert.Equal(["/value"], response.ValidationErrors);
    }

    [Fact]
    public async Task A_body_with_a_byte_order_mark_is_read()
    {
        var response = await app.Api.PostAsync("await/echo", "\uFEFF{\"value\":1}");

        Assert.Equal(1, response["result"].GetInt32());
    }

    /// <summary>One example an operation, from the catalog itself.</summary>
    [Fact]
    public async Task The_example_of_every_built_in_operation_works()
    {
        foreach (var name in BuiltIn.Operations)
        {
            // Those of HTTP go out to the Internet, which a test machine need not have; they have tests of their own.
            if (name.StartsWith("http.", StringComparison.Ordinal))
            {
                continue;
            }

            var operation = await app.Api.GetAsync($"operations/{name}");
            var pattern = operation["kind"].GetString() == "stream" ? "stream" : "await";
            using var response = await app.Api.SendAsync($"{pattern}/{name}", operation["example"].GetRawText());

            // "fail" does what it is there for.
            Assert.Equal((name, name == "fail" ? HttpStatusCode.InternalServerError : HttpStatusCode.OK), (name, response.StatusCode));
        }
    }
}
