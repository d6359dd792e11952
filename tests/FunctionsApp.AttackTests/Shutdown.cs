using System.Diagnostics;
using System.Globalization;
using FunctionsApp.AttackTests.Hosting;
using FunctionsApp.AttackTests.Wire;
using Xunit.Abstractions;

namespace FunctionsApp.AttackTests;

/// <summary>Attacks on the end: clients that would keep a host from stopping. Each has a host of its own.</summary>
public sealed class Shutdown(ITestOutputHelper output)
{
    private static readonly TimeSpan MaxStop = TimeSpan.FromSeconds(20);

    // A host takes some seconds to stop, so all do it at once.
    private static readonly Task<(TimeSpan Elapsed, int ExitCode)> HalfAHead = StopAsync(static connection =>
        connection.SendAsync("POST /api/await/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Ty"));

    private static readonly Task<(TimeSpan Elapsed, int ExitCode)> PausedUpload = StopAsync(static async connection =>
    {
        await connection.SendHeadAsync("POST", "map/math.square", "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked");
        await connection.SendAsync("2\r\n1\n\r\n");
    });

    private static readonly Task<(TimeSpan Elapsed, int ExitCode)> UnreadEcho = StopAsync(static connection =>
        connection.PostAsync("await/echo", Body.Text("""{"value":""", 9 << 20)));

    private static readonly Task<(TimeSpan Elapsed, int ExitCode)> UnreadStream = StopAsync(static connection =>
        connection.PostAsync("stream/count", Body.Of("""{"count":1000000000}"""), Attack.Lines));

    [AttackFact]
    public Task Half_a_request_head_does_not_delay_the_shutdown() => StopsAsync(HalfAHead);

    [AttackFact]
    public Task A_paused_upload_does_not_delay_the_shutdown() => StopsAsync(PausedUpload);

    [AttackFact]
    public Task An_echo_that_nobody_reads_does_not_delay_the_shutdown() => StopsAsync(UnreadEcho);

    [AttackFact]
    public Task A_stream_that_nobody_reads_does_not_delay_the_shutdown() => StopsAsync(UnreadStream);

    private async Task StopsAsync(Task<(TimeSpan Elapsed, int ExitCode)> stopping)
    {
        var (elapsed, exitCode) = await stopping;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The host stopped in {elapsed.TotalSeconds:0.0} s, with {exitCode}."));
        Assert.True(elapsed <= MaxStop, $"The host took {elapsed.TotalSeconds:0.0} s.");
        Assert.Equal(0, exitCode);
    }

    private static async Task<(TimeSpan Elapsed, int ExitCode)> StopAsync(Func<Connection, Task> attack)
    {
        await using var host = await AttackedHost.StartAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var connection = await Connection.OpenAsync(host.BaseAddress, limit.Token);
        await attack(connection);

        // Until the host has taken what was sent.
        await Task.Delay(TimeSpan.FromSeconds(1), limit.Token);
        var watch = Stopwatch.StartNew();
        host.Terminate();
        await host.WaitForExitAsync();
        return (watch.Elapsed, host.ExitCode);
    }
}
