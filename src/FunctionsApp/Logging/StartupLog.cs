using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Settings;
using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Logging;

/// <summary>Logs after startup: one line with the app, its version and its limits, and one for each setting that is a mistake.</summary>
/// <param name="services">Provides the values. They are resolved after the first requests, when all options have been checked.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed partial class StartupLog(IServiceProvider services, TimeProvider time, ILogger<StartupLog> logger) : BackgroundService
{
    private const long MiB = 1024 * 1024;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await StartupPause.WaitAsync(time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var assembly = typeof(StartupLog).Assembly.GetName();
        var version = assembly.Version!.ToString(3);
        var engine = services.GetRequiredService<ITaskEngine>().Name;
        var threads = services.GetRequiredService<IOptions<CpuOptions>>().Value.Threads;
        var limits = services.GetRequiredService<IOptions<LimitsOptions>>().Value;
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / MiB;
        var inFlight = services.GetRequiredService<MemoryBudget>().Limit / MiB;
        LogStarted(
            logger, assembly.Name!, version, engine, threads, memory, limits.MaxRequestBytes / MiB, limits.MaxResultBytes / MiB, inFlight,
            limits.MaxTimeoutSeconds);
        LogUnknown();
    }

    private void LogUnknown()
    {
        ISettingNames[] names = [.. services.GetServices<ISettingNames>()];
        foreach (var (unknown, nearest) in UnknownSettings.Find(services.GetRequiredService<IConfiguration>(), names))
        {
            if (nearest is null)
            {
                LogUnused(logger, unknown);
            }
            else
            {
                LogMisspelt(logger, unknown, nearest);
            }
        }
    }

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message =
        "{App} {Version} started: task engine {Engine}, {Threads} CPU threads, {MemoryMiB} MiB of memory; "
        + "at most {RequestMiB} MiB a request, {ResultMiB} MiB of results, {InFlightMiB} MiB in flight, {TimeoutSeconds} s")]
    private static partial void LogStarted(
        ILogger logger, string app, string version, string engine, int threads, long memoryMiB, long requestMiB, long resultMiB,
        long inFlightMiB, int timeoutSeconds);

    [LoggerMessage(EventId = 5, Level = LogLevel.Warning, Message = "Unknown setting '{Setting}'. Did you mean '{Nearest}'?")]
    private static partial void LogMisspelt(ILogger logger, string setting, string nearest);

    [LoggerMessage(EventId = 6, Level = LogLevel.Warning, Message = "Setting '{Setting}' is unknown or unused")]
    private static partial void LogUnused(ILogger logger, string setting);
}
