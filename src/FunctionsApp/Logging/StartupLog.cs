using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Logging;

/// <summary>Logs one line when the host has started: what runs here, and with what.</summary>
internal sealed partial class StartupLog(
    IHostApplicationLifetime lifetime, ITaskEngine engine, IOptions<LimitsOptions> limits, IOptions<CpuOptions> cpu, ILogger<StartupLog> logger) : IHostedService
{
    private const long MiB = 1024 * 1024;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(Log);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Log()
    {
        var assembly = typeof(StartupLog).Assembly.GetName();
        var version = assembly.Version!.ToString(3);
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / MiB;
        LogStarted(
            logger, assembly.Name!, version, engine.Name, cpu.Value.Threads, memory, limits.Value.MaxRequestBytes / MiB, limits.Value.MaxResultBytes / MiB,
            limits.Value.MaxTimeoutSeconds);
    }

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message =
        "{App} {Version} started: task engine {Engine}, {Threads} CPU threads, {MemoryMiB} MiB of memory; at most {RequestMiB} MiB a request, {ResultMiB} MiB a result, {TimeoutSeconds} s")]
    private static partial void LogStarted(
        ILogger logger, string app, string version, string engine, int threads, long memoryMiB, long requestMiB, long resultMiB, int timeoutSeconds);
}
