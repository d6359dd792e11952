using System.Net;
using System.Text;
using System.Text.Json;

namespace FunctionsApp.LocalHost.Tests;

/// <summary>What the host prints and logs.</summary>
public sealed class ConsoleTests
{
    [Fact]
    public async Task Each_log_line_begins_with_the_time_in_UTC()
    {
        await using var host = HostProcess.Start([], ("TZ", "Asia/Tokyo"));
        await host.LineAsync("started: task engine");

        var head = host.Lines.Single(static line => line.EndsWith(": FunctionsApp.Logging.StartupLog[2]", StringComparison.Ordinal));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info: ", head);
        Assert.InRange(DateTimeOffset.Parse(head.Split(' ')[0], null), TimeProvider.System.GetUtcNow().AddMinutes(-1), TimeProvider.System.GetUtcNow());
    }

    [Fact]
    public async Task With_the_formatter_json_every_line_is_JSON()
    {
        await using var host = HostProcess.Start(["--Logging:Console:FormatterName", "json", "--unknown", "x"]);
        var address = await host.ListeningAsync();
        await host.LineAsync("is unknown or unused");

        Assert.All(host.Lines, static line => Assert.EndsWith("Z", JsonDocument.Parse(line).RootElement.GetProperty("Timestamp").GetString(), StringComparison.Ordinal));
        using var http = new HttpClient();
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri(address, "/api/health/live"))).StatusCode);
    }

    [Fact]
    public async Task A_task_that_has_failed_for_good_is_one_warning()
    {
        await using var host = HostProcess.Start([]);
        using var http = new HttpClient { BaseAddress = await host.ListeningAsync() };
        var succeeded = await CreateAsync(http, "echo", """{"input":{"value":1}}""");
        await http.GetAsync(new Uri($"/api/tasks/{succeeded}?waitSeconds=60", UriKind.Relative));
        var failed = await CreateAsync(http, "fail", """{"input":{"message":"a secret"},"retry":{"maxAttempts":2,"initialDelaySeconds":0.01}}""");
        await host.LineAsync("has failed");

        Assert.Equal($"      Task {failed} of fail has failed: operation-failed. Attempts: 2", host.Lines[^1]);
        Assert.EndsWith(" warn: FunctionsApp.Core.Tasks.TaskFailures[24]", host.Lines[^2], StringComparison.Ordinal);
        Assert.Single(host.Lines, static line => line.Contains("warn: ", StringComparison.Ordinal));
        Assert.DoesNotContain(host.Lines, line => line.Contains(succeeded, StringComparison.Ordinal) || line.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_host_whose_directory_of_tasks_cannot_be_used_is_not_ready()
    {
        var file = Repository.Assembly("src/FunctionsApp.LocalHost");
        await using var host = HostProcess.Start(["--Tasks:Directory", Path.Combine(file, "tasks")]);
        using var http = new HttpClient { BaseAddress = await host.ListeningAsync() };
        await host.LineAsync("cannot be used, so tasks are refused");

        // A task waits until that is known.
        Assert.Contains("/problems/storage-failed", await PostAsync(http, "tasks/echo", """{"input":{"value":1}}"""), StringComparison.Ordinal);
        var ready = await http.GetAsync(new Uri("/api/health/ready", UriKind.Relative));

        Assert.Equal(HttpStatusCode.InsufficientStorage, ready.StatusCode);
        Assert.Contains("/problems/storage-failed", await ready.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri("/api/health/live", UriKind.Relative))).StatusCode);
    }

    private static async Task<string> CreateAsync(HttpClient http, string operation, string request) =>
        JsonDocument.Parse(await PostAsync(http, $"tasks/{operation}", request)).RootElement.GetProperty("id").GetString()!;

    private static async Task<string> PostAsync(HttpClient http, string path, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await http.PostAsync(new Uri($"/api/{path}", UriKind.Relative), content);
        return await response.Content.ReadAsStringAsync();
    }
}
