using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.LocalHost;

/// <summary>What an operator reads, and does not have to read.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed partial class LoggingTests : IDisposable
{
    private const string LevelSetting = "AzureFunctionsJobHost__logging__logLevel__";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("logging");

    [OwnHostFact]
    public async Task The_startup_logs_one_line_and_requests_log_none()
    {
        await using var host = await LocalHostProcess.StartAsync(("Cpu__Threads", "3"), ("DOTNET_GCHeapHardLimit", "0x18000000"));
        using var api = host.Connect();
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo", """{"value":1}""")).Status);
        Assert.Equal("not-found", (await api.GetAsync("nothing")).Problem);
        Assert.Equal("timeout", (await api.PostAsync("await/delay?timeoutSeconds=0.1", """{"seconds":60}""")).Problem);
        Assert.Equal("destination-not-allowed", (await api.PostAsync("await/http.request", """{"url":"http://127.0.0.1:1/"}""")).Problem);
        Assert.Equal("operation-failed", (await api.PostAsync("await/fail", """{"message":"no"}""")).Problem);

        // It opens the database, if nothing has yet.
        Assert.Equal("unknown-task", (await api.GetAsync("tasks/none")).Problem);

        // When the process has ended, all that it logged is there.
        host.Terminate();
        await host.WaitForExitAsync();

        var line = Assert.Single(Levels().Matches(host.Output).Select(match => host.Output[match.Index..].Split('\n')), static lines => lines[0].Contains("StartupLog[2]", StringComparison.Ordinal));
        Assert.Matches("^[^ ]+Z info: ", line[0]);
        Assert.Matches(@"^ *FunctionsApp \d+\.\d+\.\d+ started: task engine embedded, 3 CPU threads, 384 MiB of memory; at most 10 MiB a request, 64 MiB of results, 96 MiB in flight, 3600 s$", line[1]);
        Assert.DoesNotMatch("(?m)^[^ ]+Z (warn|fail|crit): ", host.Output);
        Assert.Equal(2, Levels().Count(host.Output));
        Assert.Contains("Callbacks are signed", host.Output, StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task Levels_of_host_json_apply_by_category_and_a_setting_overrides_them()
    {
        await File.WriteAllTextAsync(Path.Combine(_root.FullName, "host.json"),
            """{"version":"2.0","logging":{"logLevel":{"default":"Warning","Microsoft.AspNetCore.Routing":"Debug"}}}""");

        var quiet = await RunAsync(("AzureWebJobsScriptRoot", _root.FullName));
        var overridden = await RunAsync(("AzureWebJobsScriptRoot", _root.FullName), ($"{LevelSetting}FunctionsApp.Logging", "Information"), ($"{LevelSetting}Microsoft.AspNetCore.Routing", "None"));

        Assert.Contains("dbug: Microsoft.AspNetCore.Routing", quiet, StringComparison.Ordinal);
        Assert.DoesNotContain("StartupLog", quiet, StringComparison.Ordinal);
        Assert.DoesNotContain("Microsoft.AspNetCore.Routing", overridden, StringComparison.Ordinal);
        Assert.Contains("StartupLog", overridden, StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task A_key_in_the_query_is_in_no_log_at_any_level()
    {
        var output = await RunAsync(
            ($"{LevelSetting}default", "Trace"), ($"{LevelSetting}Microsoft", "Trace"), ($"{LevelSetting}Microsoft.AspNetCore.Hosting.Diagnostics", "Trace"),
            ("AzureFunctionsJobHost__logging__console__logLevel__default", "Trace"), ("Logging__LogLevel__Microsoft.AspNetCore.Hosting.Diagnostics", "Trace"));

        Assert.Contains("trce: Microsoft.AspNetCore", output, StringComparison.Ordinal);
        Assert.DoesNotContain("a-secret", output, StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task Any_number_of_refusals_is_one_warning_with_a_count()
    {
        await using var host = await LocalHostProcess.StartAsync(
            ("AzureFunctionsJobHost__extensions__http__maxConcurrentRequests", "1"), ("AzureFunctionsJobHost__extensions__http__maxOutstandingRequests", "1"));
        using var api = host.Connect();
        using (await api.SendAsync("stream/count", """{"count":1000000000}"""))
        {
            for (var i = 0; i < 20; i++)
            {
                Assert.Equal("saturated", (await api.GetAsync("operations")).Problem);
            }
        }

        host.Terminate();
        await host.WaitForExitAsync();

        Assert.Single(WarningLines().Matches(host.Output));
        Assert.Contains("Requests refused as saturated: 1. The last one: Too many requests are outstanding", host.Output, StringComparison.Ordinal);
    }

    public void Dispose() => _root.Delete(recursive: true);

    /// <summary>Sends requests of each sort, with a key in their query, to a host with some settings.</summary>
    /// <returns>What the host printed.</returns>
    private static async Task<string> RunAsync(params (string Key, string Value)[] settings)
    {
        await using var host = await LocalHostProcess.StartAsync(settings);
        using var api = host.Connect();
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo?code=a-secret", """{"value":1}""")).Status);
        Assert.Equal("not-found", (await api.GetAsync("nothing?code=a-secret")).Problem);
        Assert.Equal("malformed-json", (await api.PostAsync("await/echo?code=a-secret", "{")).Problem);
        foreach (var request in new[]
        {
            "GET /api/operations?code=a-secret HTTP/1.1\r\n\r\n", "GET /api/operations?code=a-secret HTTP/9\r\n\r\n", "GET api?code=a-secret HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            "GET /%00?code=a-secret HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "GET /api/operations?code=a-secret\r\n\r\n", "GET /api?code=a-secret HTTP/1.1\r\nHost: 127.0.0.1\r\nNo colon\r\n\r\n",
        })
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(host.BaseAddress.Host, host.BaseAddress.Port);
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
            Assert.NotEqual(0, await socket.GetStream().ReadAsync(new byte[1]));
        }

        if (OperatingSystem.IsWindows())
        {
            return host.Output;
        }

        host.Terminate();
        await host.WaitForExitAsync();
        return host.Output;
    }

    [GeneratedRegex("^[^ ]+Z (trce|dbug|info|warn|fail|crit): ", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Levels();

    [GeneratedRegex("^[^ ]+Z warn: ", RegexOptions.Multiline, 1_000)]
    private static partial Regex WarningLines();
}
