using DurableTask.Core;
using DurableTask.Core.Settings;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Orchestration;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Converters;
using Microsoft.DurableTask.Worker;
using Microsoft.DurableTask.Worker.Shims;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable.Hosting;

/// <summary>
/// Runs orchestrations and activities in this process, as the Durable Functions extension does in an instance of the Functions host.
/// </summary>
internal sealed partial class DurableWorker : IDisposable
{
    /// <summary>Tasks of later versions are left to a process that knows their steps. host.json says the same to the extension.</summary>
    private static readonly VersioningSettings Versions = new()
    {
        Version = TaskNames.Version,
        MatchStrategy = VersioningSettings.VersionMatchStrategy.CurrentOrOlder,
        FailureStrategy = VersioningSettings.VersionFailureStrategy.Reject,
    };

    private readonly TaskHubWorker _worker;
    private readonly string _hub;
    private readonly ILogger<DurableWorker> _logger;

    /// <summary>Describes the worker. It does nothing before it is started.</summary>
    public DurableWorker(TaskHub hub, AttemptActivity attempt, DeliveryActivity delivery, AttemptSlots slots, ILoggerFactory logs)
    {
        (_hub, _logger) = (hub.Name, logs.CreateLogger<DurableWorker>());
        var shims = new DurableTaskShimFactory(
            new DurableTaskWorkerOptions { DataConverter = new JsonDataConverter(CoreJson.Stored) }, logs);
        var orchestrations = new Known<TaskOrchestration>
        {
            [TaskNames.Orchestration] = () => shims.CreateOrchestration(TaskNames.Orchestration, new TaskOrchestrator()),
        };
        var activities = new Known<TaskActivity>();
        Add<AttemptInput, AttemptState>(TaskNames.Attempt, input => attempt.RunAsync(input, slots.Stopping));
        Add<DeliveryInput, Delivery>(TaskNames.Delivery, input => delivery.RunAsync(input, slots.Stopping));
        _worker = new TaskHubWorker(new SteadyOrchestrationService(hub.Service), orchestrations, activities, Versions, logs)
        {
            ErrorPropagationMode = ErrorPropagationMode.UseFailureDetails,
        };

        void Add<TInput, TResult>(string name, Func<TInput, Task<TResult>> run)
        {
            var activity = FuncTaskActivity.Create<TInput, TResult>((_, input) => run(input));
            activities.Add(name, () => shims.CreateActivity(name, activity));
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

    /// <summary>The factories of orchestrations or activities, by name. There is only one version.</summary>
    private sealed class Known<T> : Dictionary<string, Func<T>>, INameVersionObjectManager<T>
        where T : class
    {
        public Known()
            : base(StringComparer.Ordinal)
        {
        }

        public void Add(ObjectCreator<T> creator) => throw new NotSupportedException();

        public T? GetObject(string name, string? version) => TryGetValue(name, out var create) ? create() : null;
    }
}
