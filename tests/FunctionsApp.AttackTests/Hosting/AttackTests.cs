using System.Diagnostics;
using System.Globalization;
using FunctionsApp.AttackTests.Wire;
using FunctionsApp.IntegrationTests.Hosting;
using Xunit.Abstractions;
using Xunit.Sdk;

[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: TestCaseOrderer("FunctionsApp.AttackTests.Hosting.AftermathLast", "FunctionsApp.AttackTests")]

namespace FunctionsApp.AttackTests.Hosting;

/// <summary>
/// A kind of attack, on a host of its own. Whatever an attack is, the host lives, answers a bystander all the time, and keeps
/// to its memory.
/// </summary>
public abstract class AttackTests(AttackedHost hosts, ITestOutputHelper output) : IClassFixture<AttackedHost>
{
    /// <summary>What an instance of 512 MiB has.</summary>
    private const long MaxPeakBytes = 512L << 20;

    /// <summary>What a host may keep a minute after an attack.</summary>
    private const long MaxRestBytes = 300L << 20;

    private static readonly TimeSpan AttackLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan RestLimit = TimeSpan.FromSeconds(60);

    /// <summary>Runs after the attacks of its class.</summary>
    [AttackFact]
    public async Task The_process_releases_memory_afterwards()
    {
        var host = hosts.Last ?? await hosts.GetAsync();
        Assert.False(host.HasExited, "The host has exited.");
        var watch = Stopwatch.StartNew();
        while (host.MemoryBytes > MaxRestBytes && watch.Elapsed < RestLimit)
        {
            await Task.Delay(250);
        }

        var rest = host.MemoryBytes;
        hosts.Measure();

        // .ci/run shows the lines that begin like this.
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Under attack, {GetType().Name}: peak {Megabytes(hosts.PeakBytes)}, {Megabytes(rest)} after {watch.Elapsed.TotalSeconds:0.0} s."));
        Assert.True(rest <= MaxRestBytes, $"The host still has {Megabytes(rest)}.");
    }

    /// <summary>Attacks the host, and looks after it.</summary>
    protected async Task AttackAsync(Func<Attack, Task> attack)
    {
        var host = await hosts.GetAsync();
        host.ResetPeakMemory();
        try
        {
            using (var running = new Attack(host, AttackLimit, output.WriteLine))
            {
                try
                {
                    await attack(running);
                }
                finally
                {
                    running.Bystander.Stop();
                    output.WriteLine(running.Bystander.ToString());
                    output.WriteLine($"peak {Megabytes(hosts.Measure())}");
                }

                Assert.Empty(running.Bystander.Failures);
            }

            await MustBeWellAsync(host);
        }
        catch
        {
            output.WriteLine(host.HasExited ? string.Create(CultureInfo.InvariantCulture, $"The host exited with {host.ExitCode}. {host.Error}") : "The host lives.");
            hosts.Condemn();
            throw;
        }
    }

    private async Task MustBeWellAsync(LocalHostProcess host)
    {
        Assert.False(host.HasExited, "The host has exited.");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var connection = await Connection.OpenAsync(host.BaseAddress, limit.Token);
        await connection.SendHeadAsync("GET", "health/ready");
        Assert.Equal(Reply.Ok, (await connection.ReadAsync()).Summary);
        var peak = hosts.Measure();
        Assert.True(peak <= MaxPeakBytes, $"The host had {Megabytes(peak)}.");
    }

    private static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes >> 20} MiB");
}

/// <summary>Runs <see cref="AttackTests.The_process_releases_memory_afterwards"/> after the attacks of its class.</summary>
public sealed class AftermathLast : ITestCaseOrderer
{
    public IEnumerable<TTestCase> OrderTestCases<TTestCase>(IEnumerable<TTestCase> testCases)
        where TTestCase : ITestCase =>
        testCases.OrderBy(static testCase => testCase.TestMethod.Method.Name == nameof(AttackTests.The_process_releases_memory_afterwards));
}
