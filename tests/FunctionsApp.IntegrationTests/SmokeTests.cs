using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>What can be asked of an app in production: it reads, it computes a little, and leaves nothing behind.</summary>
[Collection(FunctionsAppCollection.Name)]
[Trait("Category", "Smoke")]
public sealed class SmokeTests(FunctionsAppFixture app)
{
    [Theory]
    [InlineData("health/live", "live")]
    [InlineData("health/ready", "ready")]
    public async Task Health_responds(string path, string status)
    {
        var response = await app.Api.GetAsync(path);

        Assert.Equal(HttpStatusCode.OK, response.Status);
        Assert.Equal(status, response["status"].GetString());
    }

    [Fact]
    public async Task The_catalog_lists_every_operation_with_its_schemas()
    {
        var operations = (await app.Api.GetAsync("operations"))["operations"].EnumerateArray().ToList();

        Assert.Empty(BuiltIn.Operations.Except(operations.Select(static operation => operation.GetProperty("name").GetString()!)));
        Assert.All(operations, static operation =>
        {
            Assert.Contains(operation.GetProperty("kind").GetString(), new[] { "io", "cpu", "stream" });
            Assert.NotEmpty(operation.GetProperty("summary").GetString()!);
            Assert.Equal("object", operation.GetProperty("input").GetProperty("type").GetString());
            Assert.True(operation.TryGetProperty("output", out _));
        });
    }

    [Fact]
    public async Task One_operation_is_described()
    {
        var response = await app.Api.GetAsync("operations/primes.factor");

        Assert.Equal("cpu", response["kind"].GetString());
        var n = response["input"].GetProperty("properties").GetProperty("n");
        Assert.Equal("integer", n.GetProperty("type").GetString());
        Assert.Equal(long.MaxValue, n.GetProperty("maximum").GetInt64());
    }

    [Fact]
    public async Task An_operation_that_does_not_exist_is_not_described()
    {
        var response = await app.Api.GetAsync("operations/primes.factr");

        Assert.Equal("unknown-operation", response.Problem);
        Assert.Equal("primes.factor", response["suggestions"][0].GetString());
    }

    [Fact]
    public async Task An_operation_is_awaited()
    {
        var response = await app.Api.PostAsync("await/math.square", """{"x":7}""");

        Assert.Equal(49, response["result"].GetInt32());
    }
}
