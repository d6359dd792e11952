using System.Diagnostics;
using System.Globalization;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.AttackTests.Hosting;

/// <summary>What others do on the cores meanwhile. A time that was measured beside them says nothing about the host. Linux only.</summary>
public sealed class OtherWork(AppHost host)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly TimeSpan _before = Used(host);

    /// <summary>Whether others than the host and this process have had more than a tenth of the cores so far.</summary>
    public bool Disturbs => Used(host) - _before > 0.1 * Environment.ProcessorCount * _watch.Elapsed;

    private static TimeSpan Used(AppHost host)
    {
        // Hundredths of a second of user, nice and system, and of steal, which other machines have had. Interrupts are those of the attack.
        var times = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var used = new[] { 1, 2, 3, 8 }.Sum(i => long.Parse(times[i], CultureInfo.InvariantCulture));
        return TimeSpan.FromMilliseconds(10 * used) - host.ProcessorTime - Environment.CpuUsage.TotalTime;
    }
}
