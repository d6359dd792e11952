using System.Net;
using System.Text;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.TestHost;

namespace FunctionsApp.IntegrationTests.TestHost;

/// <summary>What the platform answers by itself, before or in place of the app: docs/hosts.md has it in a table.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class PlatformTests(FunctionsAppFixture app) : IDisposable
{
    private readonly DirectoryInfo _tasks = Directory.CreateTempSubdirectory("platform-tests-");

    [Theory]
    [InlineData("GET", "nowhere")]
    [InlineData("GET", "/nowhere")]
    [InlineData("PUT", "gather")]
    [InlineData("HEAD", "gather")]
    public async Task An_unknown_path_or_method_is_404_and_empty(string method, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await app.Api.Http.SendAsync(request);

        Assert.Equal((HttpStatusCode.NotFound, ""), (response.StatusCode, await response.Content.ReadAsStringAsync()));
        Assert.Empty(response.Content.Headers.Allow);
    }

    [Fact]
    public async Task Keys_open_the_functions_of_their_level_and_a_refusal_is_401_and_empty()
    {
        await using var host = await StartAsync(static options => options with { FunctionKeys = ["function"], MasterKey = "master" });
        using var http = new HttpClient { BaseAddress = host.BaseAddress };
        async Task<HttpStatusCode> StatusAsync(string path, string? key = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("x-functions-key", key is null ? [] : [key]);
            using var response = await http.SendAsync(request);
            Assert.True(response.IsSuccessStatusCode || (await response.Content.ReadAsByteArrayAsync()).Length == 0);
            return response.StatusCode;
        }

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("api/operations"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("api/operations", "wrong"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("api/operations?code=function", "wrong"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("api/operations", "function"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("api/operations?code=function"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("api/operations", "master"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("api/tasks", "function"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("api/tasks?code=master"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("api/health/live"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("api/playground"));
    }

    [Fact]
    public async Task A_request_over_maxOutstandingRequests_is_429_and_empty()
    {
        await using var host = await StartAsync(static options => options, ("AzureFunctionsJobHost__extensions__http__maxOutstandingRequests", "1"));
        using var api = new Api(host.BaseAddress, key: null);
        using (var endless = await api.SendAsync("stream/count", """{"count":1000000000}"""))
        {
            var refused = await api.GetAsync("operations");
            Assert.Equal((HttpStatusCode.TooManyRequests, null), (refused.Status, refused.MediaType));
        }

        await Eventually.SeeAsync(() => api.GetAsync("operations"), static response => response.Status == HttpStatusCode.OK, "The abandoned request to be over");
    }

    [Fact]
    public async Task A_body_over_the_platforms_limit_is_500_and_empty()
    {
        const int MaxBytes = 1_000_000;
        await using var host = await StartAsync(static options => options with { MaxRequestBodyBytes = MaxBytes });

        // The server answers before it has read all of the body. The client does not send what would not be read, or it might not see the answer.
        using var http = new HttpClient(new SocketsHttpHandler { Expect100ContinueTimeout = TimeSpan.FromMinutes(1) }) { BaseAddress = host.BaseAddress };
        foreach (var isChunked in new[] { true, false })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "api/map/math.square") { Content = new ByteArrayContent(Encoding.ASCII.GetBytes(new string('\n', MaxBytes + 1))) };
            request.Content.Headers.ContentType = new("application/x-ndjson");
            request.Headers.TransferEncodingChunked = isChunked;
            request.Headers.ExpectContinue = true;
            using var response = await http.SendAsync(request);

            Assert.Equal((HttpStatusCode.InternalServerError, ""), (response.StatusCode, await response.Content.ReadAsStringAsync()));
        }
    }

    [Fact]
    public async Task Results_of_lines_arrive_after_the_last_line()
    {
        using var upload = await Upload.StartAsync(app.Api, "map/math.square");
        await upload.SendAsync("2\n");
        var answered = upload.ReadHeadAsync();
        await upload.SendAsync("3\n");
        Assert.False(answered.IsCompleted);

        await upload.EndAsync();

        Assert.Equal(HttpStatusCode.OK, await answered);
        Assert.Equal("""{"index":0,"result":4}""", await upload.ReadLineAsync());
        Assert.Equal("""{"index":1,"result":9}""", await upload.ReadLineAsync());
    }

    [Fact]
    public async Task An_upload_larger_than_the_connection_buffers_does_not_wait_for_the_reader()
    {
        const int Items = 2_000_000;
        using var content = new StringContent(string.Concat(Enumerable.Repeat("3\n", Items)), Encoding.ASCII, "application/x-ndjson");
        content.Headers.ContentType!.CharSet = null;

        // A client that reads no answer before it has sent its request, as HttpClient does; so does the platform's own.
        using var response = await app.Api.Http.PostAsync(new Uri("map/math.square", UriKind.Relative), content);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var (count, last) = (0, "");
        while (await reader.ReadLineAsync() is { } line)
        {
            (count, last) = (count + 1, line);
        }

        Assert.Equal(Items + 1, count);
        Assert.StartsWith("""{"summary":{"succeeded":2000000,"failed":0,""", last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_timeout_is_shorter_than_the_platforms_own()
    {
        await using var host = await StartAsync(static options => options, ("AzureFunctionsJobHost__functionTimeout", "00:00:30"));
        using var api = new Api(host.BaseAddress, key: null);

        var refused = await api.PostAsync("await/echo?timeoutSeconds=28", """{"value":1}""");

        Assert.Equal("invalid-request", refused.Problem);
        Assert.Contains("functionTimeout", refused["errors"].GetProperty("/timeoutSeconds")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo?timeoutSeconds=27", """{"value":1}""")).Status);
    }

    [Fact]
    public async Task A_function_key_is_in_no_log_of_the_worker()
    {
        await using var host = await StartAsync(static options => options with { FunctionKeys = ["a-secret"] });
        using var api = new Api(host.BaseAddress, key: null);

        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo?code=a-secret", """{"value":1}""")).Status);

        await host.StopAsync();
        Assert.DoesNotContain("a-secret", host.WorkerLog, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Levels_of_host_json_apply_in_the_worker()
    {
        await using var host = await StartAsync();
        await using var quiet = await StartAsync(static options => options, ("AzureFunctionsJobHost__logging__logLevel__default", "Warning"));

        await host.StopAsync();
        await quiet.StopAsync();

        Assert.Contains("started: task engine embedded", host.WorkerLog, StringComparison.Ordinal);
        Assert.DoesNotContain("started: task engine", quiet.WorkerLog, StringComparison.Ordinal);
    }

    public void Dispose() => _tasks.Delete(recursive: true);

    private async Task<FunctionsTestHost> StartAsync(Func<TestHostOptions, TestHostOptions>? change = null, params (string Key, string Value)[] settings)
    {
        var environment = settings.ToDictionary(static setting => setting.Key, static setting => setting.Value, StringComparer.Ordinal);
        environment["Tasks__Directory"] = Path.Combine(_tasks.FullName, Path.GetRandomFileName());
        var options = new TestHostOptions { PackageDirectory = TestHostProcess.PackageDirectory, Settings = environment };
        return await FunctionsTestHost.StartAsync(change?.Invoke(options) ?? options);
    }
}
