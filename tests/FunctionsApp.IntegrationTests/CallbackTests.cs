using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

[Collection(FunctionsAppCollection.Name)]
public sealed class CallbackTests(FunctionsAppFixture app)
{
    [Fact]
    public async Task Without_an_input_the_outcome_is_the_input()
    {
        var response = await app.Api.PostAsync("callback/echo", """{"input":{"value":{"value":"inner"}},"onSuccess":{"operation":"echo"}}""");

        Assert.Equal("inner", response["result"].GetString());
    }

    [Fact]
    public async Task An_outcome_that_is_not_an_object_goes_to_the_first_property()
    {
        var response = await app.Api.PostAsync("callback/primes.factor", """{"input":{"n":30},"onSuccess":{"operation":"stats.describe"}}""");

        Assert.Equal(3, response["result"].GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task A_failure_goes_to_onError()
    {
        var response = await app.Api.PostAsync("callback/fail", """
            {"input":{"message":"It broke."},
             "onSuccess":{"operation":"echo"},
             "onError":{"operation":"text.format","input":{"template":"Sorry: {why}","values":{"why":{"$ref":"#/error/detail"}}}}}
            """);

        Assert.Equal("onError", response["continuation"].GetString());
        Assert.Equal("Sorry: It broke.", response["result"].GetString());
        Assert.Equal(["fail", "text.format"], response["timeline"].EnumerateArray().Select(static entry => entry.GetProperty("operation").GetString()!));
    }

    [Fact]
    public async Task A_timeout_goes_to_onError()
    {
        var response = await app.Api.PostAsync("callback/delay", """
            {"input":{"seconds":60},"timeoutSeconds":0.1,"onSuccess":{"operation":"echo"},
             "onError":{"operation":"echo","input":{"value":{"$ref":"#/error/status"}}}}
            """);

        Assert.Equal(504, response["result"].GetInt32());
    }
}
