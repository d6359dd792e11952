using System.Net;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Webhooks;

namespace FunctionsApp.IntegrationTests.Outbound;

/// <summary>A host that may call itself.</summary>
public sealed class LoopFixture : FunctionsAppFixture
{
    protected override (string Key, string Value)[] HostSettings => [("Outbound__AllowedHosts__0", "127.0.0.1")];
}

/// <summary>Hosts that may call themselves and each other, and do not do so without end.</summary>
public sealed class LoopTests(LoopFixture loop) : IClassFixture<LoopFixture>
{
    [OwnHostFact]
    public async Task A_host_that_may_call_itself_can_do_so_once()
    {
        var once = await loop.Api.PostAsync("await/http.request", Call(loop.Host, "await/echo", """{"value":"once"}"""));
        var twice = await loop.Api.PostAsync("await/http.request", Call(loop.Host, "await/http.request", Call(loop.Host, "await/echo", """{"value":"twice"}""")));

        Assert.Equal("once", once["result"].GetProperty("body").GetProperty("result").GetString());
        AssertLoop(twice["result"].GetProperty("body").GetProperty("result"));
    }

    [OwnHostFact]
    public async Task A_loop_through_streams_is_detected()
    {
        var second = """{"maxConcurrency":1,"calls":[{"operation":"delay","input":{"seconds":0.1}},{"operation":"http.request","input":""" + Call(loop.Host, "await/echo", """{"value":1}""") + "}]}";
        var first = Call(loop.Host, "gather", second, """ "headers":{"Accept":"application/x-ndjson"}, """);

        var response = await loop.Api.PostAsync("await/http.request", first);

        var line = response["result"].GetProperty("body").GetString()!.Split('\n')[1];
        AssertLoop(JsonElement.Parse(line).GetProperty("result"));
    }

    [OwnHostFact]
    public async Task A_loop_through_tasks_is_detected()
    {
        var task = "{\"input\":" + Call(loop.Host, "await/echo", """{"value":1}""") + "}";

        var created = await loop.Api.PostAsync("await/http.request", Call(loop.Host, "tasks/http.request", task));
        var id = created["result"].GetProperty("body").GetProperty("id").GetString();
        var ended = await loop.Api.GetAsync($"tasks/{id}?waitSeconds=60");

        AssertLoop(ended["result"]);
    }

    [OwnHostFact]
    public async Task An_allowed_network_does_not_include_the_host()
    {
        await using var host = await Hosts.StartAsync(("Outbound__AllowedHosts__0", "127.0.0.0/8"));
        using var api = host.Connect();

        var response = await api.PostAsync("await/http.request", Call(host, "await/echo", """{"value":1}"""));

        // LocalHost knows where it listens. A worker does not, and knows its own request when that comes back.
        if (Hosts.AreTestHosts)
        {
            AssertLoop(response["result"]);
        }
        else
        {
            Assert.Equal("destination-not-allowed", response.Problem);
        }
    }

    [OwnHostFact]
    public async Task Two_hosts_can_call_each_other()
    {
        await using var one = await Hosts.StartAsync(("Outbound__AllowedHosts__0", "127.0.0.0/8"));
        await using var other = await Hosts.StartAsync(("Outbound__AllowedHosts__0", "127.0.0.0/8"));
        using var api = one.Connect();
        using var otherApi = other.Connect();
        var echo = """{"value":1}""";

        Assert.Equal(200, (await api.PostAsync("await/http.request", Call(other, "await/echo", echo)))["result"].GetProperty("status").GetInt32());
        Assert.Equal(200, (await otherApi.PostAsync("await/http.request", Call(one, "await/echo", echo)))["result"].GetProperty("status").GetInt32());
        var back = await api.PostAsync("await/http.request", Call(other, "await/http.request", Call(one, "await/echo", echo)));
        AssertLoop(back["result"].GetProperty("body").GetProperty("result"));
    }

    [OwnHostFact]
    public async Task A_webhook_is_marked()
    {
        await using var receiver = await UpstreamServer.StartAsync();
        await using var host = await Hosts.StartAsync(("Outbound__AllowedHosts__0", receiver.Origin.Authority), ("Callbacks__SigningKeys__0", WebhookReceiver.Secret));
        using var api = host.Connect();
        const string Chain = "functionsapp-0123456789abcdef";

        await api.SendAsync(
            HttpMethod.Post, "tasks/echo", $$"""{"input":{"value":1},"onSuccess":{ "url":"{{new Uri(receiver.Origin, "/echo?id=1")}}" } }""", ("CDN-Loop", $"cloudflare, {Chain}"));
        await receiver.ArrivalAsync("1");

        Assert.Matches($"^{Chain}, functionsapp-[0-9a-f]{{16}};allowed=1$", receiver.Requests("1")[0].Headers["cdn-loop"]);
    }

    private static string Call(AppHost host, string path, string body, string more = "") =>
        $$"""{ {{more}}"url":"{{new Uri(host.BaseAddress, "/api/" + path)}}","method":"POST","body":{{body}} }""";

    /// <summary>The result of <c>http.request</c> is the app's own refusal.</summary>
    private static void AssertLoop(JsonElement result)
    {
        Assert.Equal((HttpStatusCode)508, (HttpStatusCode)result.GetProperty("status").GetInt32());
        Assert.Equal("/problems/loop-detected", result.GetProperty("body").GetProperty("type").GetString());
    }
}
