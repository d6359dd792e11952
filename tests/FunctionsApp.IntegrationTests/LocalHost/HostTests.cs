using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.LocalHost;

[Collection(FunctionsAppCollection.Name)]
public sealed class HostTests(FunctionsAppFixture app)
{
    [OwnHostFact]
    public void The_functions_are_listed_with_their_urls()
    {
        Assert.Contains($"Await: [POST] {app.Host.BaseAddress}api/await/{{operation}}", app.Host.Output, StringComparison.Ordinal);
        Assert.Contains($"HealthLive: [GET,HEAD] {app.Host.BaseAddress}api/health/live", app.Host.Output, StringComparison.Ordinal);
    }

    [OwnHostFact(Needs.Linux)]
    public async Task The_embedded_engine_loads_nothing_of_the_durable_one()
    {
        await app.Api.EndAsync(await app.Api.CreateIdAsync("echo", """{"value":1}"""));

        Assert.Contains("FunctionsApp.Core.dll", app.Host.Libraries);
        Assert.DoesNotContain(app.Host.Libraries, static library => library.Contains("Durable", StringComparison.Ordinal) || library.StartsWith("Azure.", StringComparison.Ordinal));
    }

    [OwnHostFact]
    public async Task An_unknown_engine_is_refused_at_startup()
    {
        await using var host = await LocalHostProcess.RunToEndAsync("http://127.0.0.1:0", ("Tasks__Engine", "quantum"));

        Assert.Equal(1, host.ExitCode);
        Assert.Contains("Tasks:Engine is 'quantum': it must be 'embedded' or 'durable'.", host.Error, StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task The_durable_engine_without_a_storage_account_is_refused_at_startup()
    {
        foreach (var value in new[] { "", "no connection string" })
        {
            await using var host = await LocalHostProcess.RunToEndAsync("http://127.0.0.1:0", ("Tasks__Engine", "durable"), ("AzureWebJobsStorage", value));

            Assert.Equal(1, host.ExitCode);
            Assert.Contains("AzureWebJobsStorage", host.Error, StringComparison.Ordinal);
        }
    }

    [OwnHostFact]
    public async Task An_address_beyond_loopback_without_a_key_is_refused_at_startup()
    {
        await using var host = await LocalHostProcess.RunToEndAsync("http://0.0.0.0:0");

        Assert.Equal(1, host.ExitCode);
        Assert.Contains("Host:FunctionKeys", host.Error, StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task Beyond_loopback_a_key_is_required()
    {
        await using var host = await LocalHostProcess.StartAsync("http://0.0.0.0:0", ("Host__FunctionKeys__0", "first"), ("Host__FunctionKeys__1", "second"));

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(host, "operations"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(host, "operations", "wrong"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(host, "operations?code=wrong"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(host, "operations", "first"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(host, "operations?code=second"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(host, "health/live"));
    }

    [OwnHostFact]
    public async Task Beyond_loopback_only_the_master_key_opens_Admin_functions()
    {
        await using var host = await LocalHostProcess.StartAsync("http://0.0.0.0:0", ("Host__FunctionKeys__0", "first"), ("Host__MasterKey", "master"));

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(host, "tasks"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(host, "tasks", "first"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(host, "tasks", "master"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(host, "tasks?code=master"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(host, "operations", "master"));
    }

    [OwnHostFact]
    public async Task Beyond_loopback_Admin_functions_are_closed_without_a_master_key()
    {
        await using var host = await LocalHostProcess.StartAsync("http://0.0.0.0:0", ("Host__FunctionKeys__0", "first"));
        using var api = new Api(host.BaseAddress, "first");

        var response = await api.GetAsync("tasks");

        Assert.Equal((HttpStatusCode.Unauthorized, "unauthorized"), (response.Status, response.Problem));
        Assert.Contains("Host:MasterKey", response["detail"].GetString(), StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task A_missing_key_is_refused_with_a_challenge()
    {
        await using var host = await LocalHostProcess.StartAsync(("Host__FunctionKeys__0", "first"));
        foreach (var (path, key) in new[] { ("operations", null), ("operations", "wrong"), ("operations?code=wrong", null), ("tasks", "first") })
        {
            using var api = new Api(host.BaseAddress, key);
            var response = await api.GetAsync(path);

            Assert.Equal((HttpStatusCode.Unauthorized, "unauthorized"), (response.Status, response.Problem));
            Assert.Equal("ApiKey realm=\"functions\", header=\"x-functions-key\"", Assert.Single(response.Headers.WwwAuthenticate).ToString());
        }
    }

    [OwnHostFact]
    public async Task On_loopback_too_a_configured_key_is_required()
    {
        await using var host = await LocalHostProcess.StartAsync(("Host__FunctionKeys__0", "first"));

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(host, "operations"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(host, "operations", "first"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(host, "health/ready"));
    }

    [OwnHostFact]
    public async Task On_loopback_another_hosts_name_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "health/live");
        request.Headers.Host = "evil.example";
        var response = await ApiResponse.ReadAsync(await app.Api.Http.SendAsync(request));

        Assert.Equal(HttpStatusCode.BadRequest, response.Status);
        Assert.Equal("bad-request", response.Problem);
    }

    [OwnHostFact]
    public async Task Requests_over_maxOutstandingRequests_get_a_Retry_After()
    {
        await using var host = await LocalHostProcess.StartAsync(
            ("AzureFunctionsJobHost__extensions__http__maxConcurrentRequests", "1"),
            ("AzureFunctionsJobHost__extensions__http__maxOutstandingRequests", "2"));
        using var api = host.Connect();
        using var endless = await api.SendAsync("stream/count", """{"count":1000000000}""");
        var requests = Enumerable.Range(0, 5).Select(_ => api.PostAsync("await/echo", """{"value":1}""")).ToList();

        // One of them waits until the stream ends, and the others are refused.
        while (requests.Count > 1)
        {
            var ended = await Task.WhenAny(requests);
            requests.Remove(ended);
            var refused = await ended;
            Assert.Equal("saturated", refused.Problem);
            Assert.True(refused.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        }

        endless.Dispose();
        Assert.Equal(HttpStatusCode.OK, (await requests[0]).Status);
    }

    [OwnHostFact]
    public async Task Health_responds_with_any_number_of_outstanding_requests()
    {
        await using var host = await LocalHostProcess.StartAsync(
            ("AzureFunctionsJobHost__extensions__http__maxConcurrentRequests", "1"),
            ("AzureFunctionsJobHost__extensions__http__maxOutstandingRequests", "1"));
        using var api = host.Connect();
        using var endless = await api.SendAsync("stream/count", """{"count":1000000000}""");

        Assert.Equal("saturated", (await api.GetAsync("operations")).Problem);
        Assert.Equal("live", (await api.GetAsync("health/live"))["status"].GetString());
        Assert.Equal("ready", (await api.GetAsync("health/ready"))["status"].GetString());
    }

    [OwnHostFact]
    public async Task Waits_for_tasks_do_not_count_as_outstanding_and_have_their_own_limit()
    {
        const int MaxWatchers = 20;
        await using var host = await LocalHostProcess.StartAsync(
            ("AzureFunctionsJobHost__extensions__http__maxConcurrentRequests", "1"),
            ("AzureFunctionsJobHost__extensions__http__maxOutstandingRequests", "1"),
            ("Host__MaxWatchers", MaxWatchers.ToString(CultureInfo.InvariantCulture)));
        using var api = host.Connect();
        var task = await api.CreateIdAsync("delay", TaskRequests.Endless);
        await api.StateAsync(task, "running");
        HttpResponseMessage[] streams = await Task.WhenAll(Enumerable.Range(0, MaxWatchers).Select(_ =>
            api.Http.GetAsync(new Uri($"tasks/{task}/events", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead)));
        Assert.All(streams, static stream => Assert.Equal(HttpStatusCode.OK, stream.StatusCode));

        foreach (var path in new[] { $"tasks/{task}?waitSeconds=200", $"tasks/{task}/events" })
        {
            var refused = await api.GetAsync(path);
            Assert.Equal("saturated", refused.Problem);
            Assert.Contains("Host:MaxWatchers", refused["detail"].GetString(), StringComparison.Ordinal);
            Assert.True(refused.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        }

        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo", """{"value":1}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("health/ready")).Status);
        Assert.Equal("running", (await api.TaskAsync(task)).State());
        streams[0].Dispose();
        await Eventually.SeeAsync(() => api.GetAsync($"tasks/{task}?waitSeconds=0.01"), static response => response.Status == HttpStatusCode.OK, "The place of who has gone");
        var poll = api.GetAsync($"tasks/{task}?waitSeconds=200");
        Assert.Equal(HttpStatusCode.Accepted, (await api.SendAsync(HttpMethod.Delete, $"tasks/{task}", json: null)).Status);
        Assert.Equal("cancelled", (await poll)["status"].GetString());
    }

    [OwnHostFact]
    public async Task Cpu_work_over_MaxQueuedItems_is_saturated()
    {
        await using var host = await LocalHostProcess.StartAsync(("Cpu__Threads", "1"), ("Cpu__MaxQueuedItems", "2"));
        using var api = host.Connect();
        using var client = new CancellationTokenSource();
        const string Endless = """{"from":0,"to":1000000000000}""";
        var map = api.PostAsync("map/primes.count", $$"""{"items":[{{Endless}},{{Endless}},{{Endless}}]}""", client.Token);

        // Until the map is there, there is room; then there is none.
        while ((await api.GetAsync("health/ready")).Status == HttpStatusCode.OK)
        {
            Assert.False(map.IsCompleted);
        }

        var response = await api.PostAsync("map/math.square", """{"items":[1]}""");

        Assert.Equal(HttpStatusCode.TooManyRequests, response.Status);
        Assert.Equal("saturated", response.Problem);
        Assert.InRange(response.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        Assert.Equal("saturated", (await api.GetAsync("health/ready")).Problem);
        Assert.Equal("live", (await api.GetAsync("health/live"))["status"].GetString());
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => map);
    }

    [OwnHostFact]
    public async Task The_route_prefix_of_host_json_applies()
    {
        await using var host = await LocalHostProcess.StartAsync(("AzureFunctionsJobHost__extensions__http__routePrefix", "v1/async"));
        using var http = new HttpClient { BaseAddress = host.BaseAddress };

        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri("v1/async/health/live", UriKind.Relative))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(new Uri("api/health/live", UriKind.Relative))).StatusCode);
    }

    [OwnHostFact]
    public async Task Limits_are_options()
    {
        await using var host = await LocalHostProcess.StartAsync(("Limits__MaxRequestBytes", "2000"), ("Limits__MaxCalls", "1"), ("Limits__MaxTimeoutSeconds", "1"));
        using var api = host.Connect();

        Assert.Equal("too-large", (await api.PostAsync("await/echo", $$"""{"value":"{{new string('x', 2_000)}}"}""")).Problem);
        Assert.Equal("too-large", (await api.PostAsync("sequence", """{"steps":[{"operation":"greet"},{"operation":"greet"}]}""")).Problem);
        Assert.Equal("invalid-request", (await api.PostAsync("await/echo?timeoutSeconds=2", """{"value":1}""")).Problem);
        Assert.Equal("timeout", (await api.PostAsync("await/delay", """{"seconds":60}""")).Problem);
    }

    [OwnHostFact]
    public async Task Options_out_of_range_are_refused_at_startup_with_a_message()
    {
        await using var host = await LocalHostProcess.RunToEndAsync("http://127.0.0.1:0", ("Limits__MaxDepth", "0"), ("Cpu__Threads", "0"));

        Assert.Equal(1, host.ExitCode);
        Assert.Contains("MaxDepth", host.Error, StringComparison.Ordinal);
        Assert.Contains("Threads", host.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", host.Error + host.Output, StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task A_port_in_use_is_reported()
    {
        await using var second = await LocalHostProcess.RunToEndAsync(app.Host.BaseAddress.ToString());

        Assert.Equal(1, second.ExitCode);
        Assert.Contains("address already in use", second.Error, StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task An_unknown_path_or_method_is_a_problem()
    {
        Assert.Equal("not-found", (await app.Api.GetAsync("nothing")).Problem);
        var response = await app.Api.GetAsync("gather");
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.Status);
        Assert.Equal("method-not-allowed", response.Problem);
    }

    [OwnHostFact]
    public async Task A_body_without_a_length_is_limited_too()
    {
        await using var host = await LocalHostProcess.StartAsync(("Limits__MaxRequestBytes", "2000"));
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, host.BaseAddress.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /api/await/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nFA0\r\n{new string(' ', 4_000)}\r\n"));
        using var reader = new StreamReader(stream);

        Assert.Equal("HTTP/1.1 413 Payload Too Large", await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)));
    }

    private static async Task<HttpStatusCode> StatusAsync(LocalHostProcess host, string path, string? key = null)
    {
        using var api = new Api(host.BaseAddress, key);
        return (await api.GetAsync(path)).Status;
    }
}
