using System.Net;
using System.Text;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>Where the schema says integer, a number without a fraction is one (JSON Schema 2020-12, validation, section 6.1.1), on every path.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class IntegerTests(FunctionsAppFixture app)
{
    [Theory]
    [InlineData("await/primes.factor", """{"n":360.0}""", "/result", "[2,2,2,3,3,5]")]
    [InlineData("await/primes.factor", """{"n":3.6e2}""", "/result", "[2,2,2,3,3,5]")]
    [InlineData("await/primes.factor", """{"n":100000000000000000000e-18}""", "/result", "[2,2,5,5]")]
    [InlineData("await/primes.isPrime", """{"n":9007199254740997.0}""", "/result", "true")]
    [InlineData("await/primes.isPrime", """{"n":9007199254740993.0}""", "/result", "false")]
    [InlineData("await/primes.count", """{"from":0.0,"to":1e1}""", "/result", "4")]
    [InlineData("await/pbkdf2", """{"password":"p","salt":"c2FsdHNhbHQ=","iterations":1e3,"length":4.0}""", "/operation", "\"pbkdf2\"")]
    [InlineData("sequence", """{"steps":[{"operation":"math.pow","input":{"x":10.0,"y":1}},{"operation":"primes.factor","input":{"n":{"$ref":"#/results/0"}}}]}""", "/results/1", "[2,5]")]
    [InlineData("sequence", """{"steps":[{"operation":"math.pow","input":{"x":10.0,"y":18}},{"operation":"primes.count","input":{"from":0,"to":10}},{"operation":"primes.isPrime","input":{"n":{"$ref":"#/results/0"}}}]}""", "/results/2", "false")]
    [InlineData("callback/echo", """{"input":{"value":7.0},"onSuccess":{"operation":"primes.factor","input":{"n":{"$ref":"#/result"}}}}""", "/result", "[7]")]
    [InlineData("gather", """{"maxConcurrency":1.0,"calls":[{"operation":"primes.factor","input":{"n":1.5e1}}]}""", "/results/0/result", "[3,5]")]
    [InlineData("map/primes.factor", """{"items":[6.0,{"n":60e-1},6],"workers":1.0,"chunkSize":1e3}""", "/results", "[[2,3],[2,3],[2,3]]")]
    [InlineData("map/primes.count", """{"items":[[0.0,1e1],[-0,10.0]],"starmap":true,"returnExceptions":true,"maxFailures":-0.0}""", "/results", "[4,4]")]
    public async Task A_number_without_a_fraction_is_an_integer(string path, string body, string pointer, string expected)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.True(response.Status == HttpStatusCode.OK, $"{response}");
        var value = pointer[1..].Split('/').Aggregate(response.Body, static (value, token) =>
            value.ValueKind == JsonValueKind.Array ? value[int.Parse(token, null)] : value.GetProperty(token));
        Assert.Equal(expected, value.GetRawText());
    }

    /// <summary>Also in a large body.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(20_000)]
    public async Task The_items_and_options_of_a_map_are_read_however_they_are_written(int items)
    {
        var body = $$"""{"items":[{{string.Join(',', Enumerable.Repeat("2.0,2e0,{\"n\":20e-1},{\"n\":2}", items))}}],"workers":1.0,"chunkSize":10.0}""";

        var response = await app.Api.PostAsync("map/primes.isPrime", body);

        Assert.True(response.Status == HttpStatusCode.OK, $"{response}");
        Assert.Equal(4 * items, response["results"].EnumerateArray().Count(static result => result.ValueKind == JsonValueKind.True));
    }

    [Fact]
    public async Task Lines_and_query_options_are_read_however_they_are_written()
    {
        using var response = await app.Api.SendAsync("map/primes.isPrime?workers=1.0&chunkSize=1e1&reduce=sum", "7.0\n7\r\n{\"n\":70e-1}\n{\"n\": 7}\n", "application/x-ndjson");

        Assert.Matches("^\\{\"summary\":\\{\"succeeded\":4,.*\"result\":4", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Tasks_are_created_however_their_options_are_written()
    {
        var task = await app.Api.PostAsync("tasks/primes.factor", """{"input":{"n":12.0},"retry":{"maxAttempts":3.0},"ttlSeconds":6e2}""");
        Assert.True(task.Status == HttpStatusCode.Accepted, $"{task}");

        var done = await app.Api.GetAsync($"tasks/{task["id"].GetString()}?waitSeconds=30");

        Assert.Equal("[2,2,3]", done["result"].GetRawText());
    }

    [Fact]
    public async Task The_count_stream_reads_them_too()
    {
        using var response = await app.Api.SendAsync("stream/count", """{"count":2.0,"start":1e18,"step":-0.0}""");

        Assert.StartsWith("{\"value\":1000000000000000000}\n{\"value\":1000000000000000000}\n", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    /// <summary>The line end and a byte order mark do not count towards the limit of a line, nor the mark towards that of a body.</summary>
    [Fact]
    public async Task A_line_of_exactly_the_limit_is_read_with_any_line_end()
    {
        const int MaxRequestBytes = 10 * 1024 * 1024;
        var line = $"\"{new string('a', MaxRequestBytes - 2)}\"";
        using var response = await app.Api.SendAsync("map/hash?returnExceptions=true", $"\uFEFF{line}\r\n{line}\r\n{line}\n{line}", "application/x-ndjson");
        Assert.Contains("\"succeeded\":4,\"failed\":0", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        using var longer = await app.Api.SendAsync("map/hash?returnExceptions=true", $"\uFEFF{line} \r\n{line} \r\n{line} \n{line} ", "application/x-ndjson");
        Assert.Contains("\"succeeded\":0,\"failed\":4", await longer.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        var input = $$"""{"value":"{{new string('a', MaxRequestBytes - 12)}}"}""";
        Assert.Equal(MaxRequestBytes, Encoding.UTF8.GetByteCount(input));
        Assert.Equal(HttpStatusCode.OK, (await app.Api.PostAsync("await/echo", "\uFEFF" + input)).Status);
        Assert.Equal("too-large", (await app.Api.PostAsync("await/echo", $"\uFEFF{input} ")).Problem);
    }
}
