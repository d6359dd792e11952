using DurableTask.Core;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Orchestration;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Converters;
using Microsoft.DurableTask.Worker;
using Microsoft.DurableTask.Worker.Shims;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable.Hosting;

/// <summary>Runs orchestrations and activities in this process, as the Durable Functions extension does in an instance of the Functions host.</summary>
internal sealed partial class DurableWorker : IDisposable
{
    private readonly TaskHubWorker _worker;
    private readonly string _hub;
    private readonly ILogger<DurableWorker> _logger;

    /// <summary>Describes the worker. It does nothing before it is started.</summary>
    public DurableWorker(
        TaskHub hub, AttemptActivity attempt, DeliveryActivity delivery, RemovalActivity removal, AttemptSlots slots, ILoggerFactory logs, ILogger<DurableWorker> logger)
    {
        (_hub, _logger) = (hub.Name, logger);
        var shims = new DurableTaskShimFactory(new DurableTaskWorkerOptions { DataConverter = new JsonDataConverter(CoreJson.Options) }, logs);
        _worker = new TaskHubWorker(hub.Service, logs) { ErrorPropagationMode = ErrorPropagationMode.UseFailureDetails };
        _worker.AddTaskOrchestrations(new Creator<TaskOrchestration>(TaskNames.Orchestration, () => shims.CreateOrchestration(TaskNames.Orchestration, new TaskOrchestrator())));
        _worker.AddTaskActivities(
            Activity<AttemptOrder, AttemptResult>(TaskNames.Attempt, order => attempt.RunAsync(order, slots.Stopping)),
            Activity<DeliveryOrder, Delivery>(TaskNames.Delivery, order => delivery.RunAsync(order, slots.Stopping)),
            Activity<Removal, object?>(TaskNames.Removal, async order =>
            {
                await removal.RunAsync(order);
                return null;
            }));

        Creator<TaskActivity> Activity<TOrder, TResult>(string name, Func<TOrder, Task<TResult>> run)
        {
            var activity = FuncTaskActivity.Create<TOrder, TResult>((_, order) => run(order));
            return new(name, () => shims.CreateActivity(name, activity));
        }
    }

    /// <summary>Starts to take work from the hub.</summary>
    public async Task StartAsync()
    {
        await _worker.StartAsync();
        LogStarted(_logger, _hub);
    }

    /// <summary>Takes no more work, and waits for what runs.</summary>
    public Task StopAsync() => _worker.StopAsync(isForced: false);

    /// <inheritdoc/>
    public void Dispose() => _worker.Dispose();

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
