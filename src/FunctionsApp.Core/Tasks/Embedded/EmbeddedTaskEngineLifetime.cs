using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// Has the embedded engine start and stop with the host. The directory is opened a moment after the server listens, or when a
/// task is first asked for: to load and open a database takes the processor as long as the rest of the start does, and the
/// first answers are not to wait for that.
/// </summary>
/// <param name="services">Makes the engine, when it is to start: by then the options have been checked, all of them.</param>
/// <param name="time">The clock.</param>
internal sealed class EmbeddedTaskEngineLifetime(IServiceProvider services, TimeProvider time) : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private ITimer? _timer;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        var engine = services.GetRequiredService<EmbeddedTaskEngine>();
        _timer = time.CreateTimer(static engine => ((EmbeddedTaskEngine)engine!).Start(), engine, Pause, Timeout.InfiniteTimeSpan);
        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => services.GetRequiredService<EmbeddedTaskEngine>().StopAsync(cancellationToken);

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _timer?.Dispose();
}
