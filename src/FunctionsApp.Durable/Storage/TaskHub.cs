using System.Runtime.CompilerServices;
using DurableTask.AzureStorage;
using DurableTask.AzureStorage.Tracking;
using DurableTask.Core;
using DurableTask.Core.Exceptions;
using DurableTask.Core.History;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Records;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TaskMessage = DurableTask.Core.TaskMessage;

namespace FunctionsApp.Durable.Storage;

/// <summary>
/// The task hub: the tables, queues and blobs of one storage account that all processes of the app share. A process with the same
/// account and hub name is part of the app. Thread-safe.
/// </summary>
internal sealed partial class TaskHub
{
    /// <summary>The number of activities that a process takes beside its attempts, so that webhooks do not wait for those.</summary>
    private const int OtherActivities = 16;

    private const int PageSize = 1_000;

    /// <summary>How often an idle process polls its queues. A step of a task waits half of that on average.</summary>
    private static readonly TimeSpan QueuePolling = TimeSpan.FromMilliseconds(150);

    /// <summary>An orchestration that has completed was a task that has expired.</summary>
    private static readonly OrchestrationStatus[] Completed = [OrchestrationStatus.Completed];

    /// <summary>Orchestrations that have stopped although their tasks have not expired.</summary>
    private static readonly OrchestrationStatus[] Failed =
        [OrchestrationStatus.Failed, OrchestrationStatus.Terminated, OrchestrationStatus.Canceled];

    private static readonly OrchestrationStatus[] Kept = [.. Enum.GetValues<OrchestrationStatus>().Except(Completed)];

    private readonly Lazy<AzureStorageOrchestrationService> _service;
    private readonly Lazy<TaskBlobs> _blobs;
    private readonly Lazy<Azure.Storage.Queues.QueueClient> _activities;
    private readonly SigningKeys _keys;
    private readonly ILogger<TaskHub> _logger;
    private volatile bool _isFailing;
    private volatile bool _isCreated;
    private volatile bool _hasKey;

    /// <summary>Describes the hub. Nothing is requested before the first use.</summary>
    public TaskHub(
        IOptions<TasksOptions> options, IOptions<DurableHostingOptions> hosting, StorageConnection connection, SigningKeys keys,
        ILoggerFactory logs)
    {
        var tasks = options.Value;
        (_keys, Name, _logger) = (keys, tasks.HubName, logs.CreateLogger<TaskHub>());
        var account = new Lazy<StorageAccountClientProvider>(() => connection.Open(tasks.Connection));
        _service = new(() => new AzureStorageOrchestrationService(SettingsOf(tasks, hosting.Value.PartitionCount, account.Value, logs)));

        // Names of containers and queues are lowercase. Those of the framework begin with the hub's name too.
        _blobs = new(() => new TaskBlobs(
            account.Value.Blob.CreateClient(account.Value.Blob.CreateOptions())
                .GetBlobContainerClient($"{Name.ToLowerInvariant()}-tasks")));
        _activities = new(() => account.Value.Queue.CreateClient(account.Value.Queue.CreateOptions())
            .GetQueueClient($"{Name.ToLowerInvariant()}-workitems"));
    }

    /// <summary>The hub's name.</summary>
    public string Name { get; }

    /// <summary>The orchestration service, for a worker.</summary>
    public AzureStorageOrchestrationService Service => _service.Value;

    /// <summary>The blobs of the tasks.</summary>
    public TaskBlobs Blobs => _blobs.Value;

    /// <summary>Whether storage failed when it was last used.</summary>
    public bool IsFailing => _isFailing;

    /// <summary>Notes whether storage works.</summary>
    /// <param name="failure">Why it does not; null if it does.</param>
    public void Note(Exception? failure)
    {
        if (failure is not null && !_isFailing)
        {
            _isFailing = true;
            LogUnavailable(_logger, failure.GetBaseException().Message);
        }
        else if (failure is null && _isFailing)
        {
            _isFailing = false;
            LogAvailable(_logger);
        }
    }

    /// <summary>Creates what the hub consists of, unless it exists. Once it has succeeded it costs nothing.</summary>
    public async Task EnsureCreatedAsync()
    {
        if (!_isCreated)
        {
            await Service.CreateIfNotExistsAsync();
            await Blobs.CreateAsync(CancellationToken.None);
            _isCreated = true;
        }
    }

    /// <summary>Provides the key that signs webhooks, if it is to be generated: all processes share it.</summary>
    public async Task ProvideSigningKeyAsync(CancellationToken cancellationToken)
    {
        if (_hasKey)
        {
            return;
        }

        if (await _keys.EnsureAsync(key => Blobs.ShareSecretAsync("signing-key", key, cancellationToken)) is { } error)
        {
            throw new InvalidOperationException($"The blob secrets/signing-key has an invalid signing key: it {error}.");
        }

        _hasKey = true;
    }

    /// <summary>Starts the orchestration of a task, unless it exists. A restart takes the place of one that has failed.</summary>
    public async Task StartAsync(string id, TaskStart start)
    {
        var started = new ExecutionStartedEvent(-1, ConditionalBlobs.Serialize(start))
        {
            Name = TaskNames.Orchestration,
            Version = TaskNames.Version,
            OrchestrationInstance = new OrchestrationInstance { InstanceId = id, ExecutionId = Guid.NewGuid().ToString("N") },
        };
        OrchestrationStatus[] existing = [.. Kept.Except(start.Restarts > 0 ? Failed : []), .. Completed];
        try
        {
            await Service.CreateTaskOrchestrationAsync(
                new TaskMessage { OrchestrationInstance = started.OrchestrationInstance, Event = started }, existing);
        }
        catch (OrchestrationAlreadyExistsException)
        {
            // Another request with the same idempotency key has started it.
        }
    }

    /// <summary>Sends an event to the orchestration of a task.</summary>
    public Task RaiseAsync<T>(string id, string name, T value) => Service.SendTaskOrchestrationMessageAsync(new TaskMessage
    {
        OrchestrationInstance = new OrchestrationInstance { InstanceId = id },
        Event = new EventRaisedEvent(-1, ConditionalBlobs.Serialize(value)) { Name = name },
    });

    /// <summary>Finds the orchestration of a task; null if there is none.</summary>
    public async Task<OrchestrationState?> FindAsync(string id) => await Service.GetOrchestrationStateAsync(id, executionId: null);

    /// <summary>Whether an orchestration is a task that has not expired.</summary>
    public static bool IsKept(OrchestrationState instance) => IsTask(instance) && Kept.Contains(instance.OrchestrationStatus);

    /// <summary>Whether an orchestration has stopped although its task has not expired.</summary>
    public static bool HasFailed(OrchestrationState instance) => Failed.Contains(instance.OrchestrationStatus);

    /// <summary>Why an orchestration has failed, for the log.</summary>
    public static string FailureOf(OrchestrationState instance) =>
        instance.FailureDetails?.ToString()
        ?? (instance.Output is { Length: > 0 } output ? output : instance.OrchestrationStatus.ToString());

    /// <summary>Reads a page of the orchestrations that are kept, in no particular order. Some may not be tasks.</summary>
    public Task<DurableStatusQueryResult> ListAsync(int limit, string? continuation, CancellationToken cancellationToken) =>
        Service.GetOrchestrationStateAsync(
            new OrchestrationInstanceStatusQueryCondition { RuntimeStatus = Kept, FetchInput = true, FetchOutput = false },
            limit,
            continuation,
            cancellationToken);

    /// <summary>Reads the orchestrations of expired and failed tasks.</summary>
    public IAsyncEnumerable<OrchestrationState> ListClosedAsync(CancellationToken cancellationToken) =>
        QueryAsync(new() { RuntimeStatus = [.. Completed, .. Failed] }, cancellationToken);

    /// <summary>Reads the ids of all tasks that begin with a prefix.</summary>
    public async Task<IReadOnlySet<string>> ListIdsAsync(string prefix, CancellationToken cancellationToken)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var instance in QueryAsync(new() { InstanceIdPrefix = prefix }, cancellationToken))
        {
            ids.Add(instance.OrchestrationInstance.InstanceId);
        }

        return ids;
    }

    /// <summary>Returns about how many activities wait or run, in all processes.</summary>
    public async Task<int> CountActivitiesAsync(CancellationToken cancellationToken) =>
        (await _activities.Value.GetPropertiesAsync(cancellationToken)).Value.ApproximateMessagesCount;

    /// <summary>Whether an orchestration is a task. An app with Durable Functions of its own has others.</summary>
    private static bool IsTask(OrchestrationState instance) =>
        string.Equals(instance.Name, TaskNames.Orchestration, StringComparison.Ordinal);

    private async IAsyncEnumerable<OrchestrationState> QueryAsync(
        OrchestrationInstanceStatusQueryCondition condition, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        (condition.FetchInput, condition.FetchOutput) = (false, false);
        string? continuation = null;
        do
        {
            var page = await Service.GetOrchestrationStateAsync(condition, PageSize, continuation, cancellationToken);
            foreach (var instance in page.OrchestrationState.Where(IsTask))
            {
                yield return instance;
            }

            continuation = page.ContinuationToken;
        }
        while (continuation is not null);
    }

    private static AzureStorageOrchestrationServiceSettings SettingsOf(
        TasksOptions options, int partitions, StorageAccountClientProvider account, ILoggerFactory logs) => new()
        {
            TaskHubName = options.HubName,
            StorageAccountClientProvider = account,
            LoggerFactory = logs,

            // With the default, the machine's name, two processes of one machine would take each other's leases.
            WorkerId = $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.NewGuid():N}",
            AppName = options.HubName,

            // A lease for the whole app would leave all processes but one idle.
            UseAppLease = false,
            UseTablePartitionManagement = true,
            PartitionCount = partitions,
            MaxQueuePollingInterval = QueuePolling,

            // The messages of a process that has died are visible to the others after this time, and its attempts begin there.
            WorkItemQueueVisibilityTimeout = TimeSpan.FromSeconds(30),
            ControlQueueVisibilityTimeout = TimeSpan.FromSeconds(30),
            LeaseInterval = TimeSpan.FromSeconds(15),
            LeaseRenewInterval = TimeSpan.FromSeconds(5),
            LeaseAcquireInterval = TimeSpan.FromSeconds(5),

            MaxConcurrentTaskActivityWorkItems = options.MaxRunning + OtherActivities,
            MaxConcurrentTaskOrchestrationWorkItems = 100,
            ThrowExceptionOnInvalidDedupeStatus = true,
            FetchLargeMessageDataEnabled = true,
        };

    [LoggerMessage(EventId = 30, Level = LogLevel.Error,
        Message = "The storage account of the tasks cannot be reached, so tasks are refused: {Reason}")]
    private static partial void LogUnavailable(ILogger logger, string reason);

    [LoggerMessage(EventId = 31, Level = LogLevel.Information,
        Message = "The storage account of the tasks can be reached again, and tasks are accepted")]
    private static partial void LogAvailable(ILogger logger);
}
