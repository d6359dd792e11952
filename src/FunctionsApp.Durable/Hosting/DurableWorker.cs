using DurableTask.Core;
using FunctionsApp.Core.Json;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Orchestration;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Converters;
using Microsoft.DurableTask.Worker;
using Microsoft.DurableTask.Worker.Shims;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using TaskActivity = DurableTask.Core.TaskActivity;

namespace FunctionsApp.Durable.Hosting;

/// <summary>
/// Runs orchestrations and activities in this process, as the Durable Functions extension does in an instance of the Functions host.
/// It starts shortly after the host, and goes on trying while storage cannot be reached.
/// </summary>
internal sealed partial class DurableWorker(
    IServiceProvider services, TaskHub hub, AttemptSlots slots, DurableTaskEngine engine, TimeProvider time, ILoggerFactory logs, ILogger<DurableWorker> logger) : BackgroundService
{
    /// <summary>Loading the framework takes much processor time, which must not delay the first responses.</summary>
    private static readonly TimeSpan StartPause = TimeSpan.FromMilliseconds(400);

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(2);

    /// <summary>How often the worker tests whether storage works again, after it has failed.</summary>
    private static readonly TimeSpan ProbePause = TimeSpan.FromSeconds(5);

    /// <summary>How often histories of expired tasks are deleted. No orchestration can delete its own, and until then only its blobs are gone.</summary>
    private static readonly TimeSpan PurgePause = TimeSpan.FromMinutes(5);

    private readonly DurableTaskShimFactory _shims = new(new DurableTaskWorkerOptions { DataConverter = new JsonDataConverter(CoreJson.Options) }, logs);

    private TaskHubWorker? _worker;

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // The attempts of this process stop, and their orchestrations call them again at once, wherever there is a process.
        await slots.StopAsync();
        await base.StopAsync(cancellationToken);
        if (_worker is { } worker)
        {
            await worker.StopAsync(isForced: false).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            worker.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Delay(StartPause, time, stoppingToken);
        var purged = time.GetTimestamp();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await hub.EnsureCreatedAsync();
                _worker ??= await StartAsync();
                if (engine.IsFailing)
                {
                    await hub.Blobs.PingAsync(stoppingToken);
                }

                if (time.GetElapsedTime(purged) > PurgePause)
                {
                    purged = time.GetTimestamp();
                    await hub.PurgeAsync();
                }

                engine.Note(failure: null);
            }
#pragma warning disable CA1031 // Storage fails in many ways; the worker starts when it works.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                engine.Note(exception);
            }

            await Task.Delay(_worker is null ? RetryPause : ProbePause, time, stoppingToken);
        }
    }

    private async Task<TaskHubWorker> StartAsync()
    {
        var worker = new TaskHubWorker(hub.Service, logs);
        worker.AddTaskOrchestrations(new Creator<TaskOrchestration>(TaskNames.Orchestration, () => _shims.CreateOrchestration(TaskNames.Orchestration, new TaskOrchestrator())));
        worker.AddTaskActivities(
            Activity<AttemptActivity>(TaskNames.Attempt),
            Activity<DeliveryActivity>(TaskNames.Delivery),
            Activity<RemovalActivity>(TaskNames.Removal));
        worker.ErrorPropagationMode = ErrorPropagationMode.UseFailureDetails;
        await worker.StartAsync();
        LogStarted(logger, hub.Name);
        return worker;
    }

    private Creator<TaskActivity> Activity<T>(string name)
        where T : ITaskActivity => new(name, () => _shims.CreateActivity(name, services.GetRequiredService<T>()));

    [LoggerMessage(EventId = 32, Level = LogLevel.Information, Message = "This process runs tasks of the hub {Hub}")]
    private static partial void LogStarted(ILogger logger, string hub);

    /// <summary>Creates an orchestration or activity for each step.</summary>
    private sealed class Creator<T> : ObjectCreator<T>
    {
        private readonly Func<T> _create;

        public Creator(string name, Func<T> create) => (Name, Version, _create) = (name, "", create);

        public override T Create() => _create();
    }
}
