using System.Globalization;
using System.Runtime.CompilerServices;
using Azure.Storage.Queues;
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

    /// <summary>Orchestrations that have stopped although something of their tasks was left to do.</summary>
    private static readonly OrchestrationStatus[] Failed =
        [OrchestrationStatus.Failed, OrchestrationStatus.Terminated, OrchestrationStatus.Canceled];

    private readonly Lazy<AzureStorageOrchestrationService> _service;
    private readonly Lazy<TaskBlobs> _blobs;
    private readonly Lazy<QueueServiceClient> _queues;
    private readonly int _partitions;
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
        _queues = new(() => account.Value.Queue.CreateClient(account.Value.Queue.CreateOptions()));
        _partitions = hosting.Value.PartitionCount;
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

    /// <summary>Starts the orchestration of a task, unless it exists.</summary>
    /// <param name="id">The task.</param>
    /// <param name="start">The input of the orchestration.</param>
    /// <param name="replaced">The one whose place it takes, as it was read; null for a new task.</param>
    public async Task StartAsync(string id, TaskStart start, OrchestrationState? replaced = null)
    {
        var started = new ExecutionStartedEvent(-1, ConditionalBlobs.Serialize(start))
        {
            Name = TaskNames.Orchestration,
            Version = TaskNames.Version,
            OrchestrationInstance = new OrchestrationInstance { InstanceId = id, ExecutionId = Guid.NewGuid().ToString("N") },
        };
        var existing = Enum.GetValues<OrchestrationStatus>().Where(status => status != replaced?.OrchestrationStatus).ToArray();
        try
        {
            await Service.CreateTaskOrchestrationAsync(
                new TaskMessage { OrchestrationInstance = started.OrchestrationInstance, Event = started }, existing);
        }
        catch (OrchestrationAlreadyExistsException)
        {
            // Another request has started it.
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

    /// <summary>Whether an orchestration is a task. An app with Durable Functions of its own has others.</summary>
    public static bool IsTask(OrchestrationState instance) =>
        string.Equals(instance.Name, TaskNames.Orchestration, StringComparison.Ordinal);

    /// <summary>Whether an orchestration has not ended.</summary>
    public static bool IsUnderWay(OrchestrationState instance) =>
        instance.OrchestrationStatus is not OrchestrationStatus.Completed && !HasFailed(instance);

    /// <summary>Whether an orchestration has stopped although something of its task was left to do.</summary>
    public static bool HasFailed(OrchestrationState instance) => Failed.Contains(instance.OrchestrationStatus);

    /// <summary>Why an orchestration has failed, for the log.</summary>
    public static string FailureOf(OrchestrationState instance) =>
        instance.FailureDetails?.ToString()
        ?? (instance.Output is { Length: > 0 } output ? output : instance.OrchestrationStatus.ToString());

    /// <summary>Reads a page of the orchestrations, in no particular order. Some may not be tasks.</summary>
    public Task<DurableStatusQueryResult> ListAsync(int limit, string? continuation, CancellationToken cancellationToken) =>
        Service.GetOrchestrationStateAsync(
            new OrchestrationInstanceStatusQueryCondition { FetchInput = true, FetchOutput = false },
            limit,
            continuation,
            cancellationToken);

    /// <summary>Reads all tasks, without their inputs, page by page.</summary>
    /// <param name="prefix">The beginning of their ids.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public async IAsyncEnumerable<IReadOnlyList<OrchestrationState>> ListPagesAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var condition = new OrchestrationInstanceStatusQueryCondition { FetchInput = false, FetchOutput = false };
        if (prefix.Length > 0)
        {
            condition.InstanceIdPrefix = prefix;
        }

        string? continuation = null;
        do
        {
            var page = await Service.GetOrchestrationStateAsync(condition, PageSize, continuation, cancellationToken);
            yield return [.. page.OrchestrationState.Where(IsTask)];
            continuation = page.ContinuationToken;
        }
        while (continuation is not null);
    }

    /// <summary>Reads the ids of all tasks that begin with a prefix.</summary>
    public async Task<IReadOnlySet<string>> ListIdsAsync(string prefix, CancellationToken cancellationToken)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var page in ListPagesAsync(prefix, cancellationToken))
        {
            ids.UnionWith(page.Select(static instance => instance.OrchestrationInstance.InstanceId));
        }

        return ids;
    }

    /// <summary>Returns about how many activities wait or run, in all processes.</summary>
    public async Task<int> CountActivitiesAsync(CancellationToken cancellationToken) =>
        (await Queue("workitems").GetPropertiesAsync(cancellationToken)).Value.ApproximateMessagesCount;

    /// <summary>Returns whether messages for orchestrations wait that no process has taken.</summary>
    public async Task<bool> HasBacklogAsync(CancellationToken cancellationToken)
    {
        for (var partition = 0; partition < _partitions; partition++)
        {
            var queue = Queue(string.Create(CultureInfo.InvariantCulture, $"control-{partition:00}"));
            if ((await queue.PeekMessageAsync(cancellationToken)).Value is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A queue of the framework.</summary>
    private QueueClient Queue(string name) => _queues.Value.GetQueueClient($"{Name.ToLowerInvariant()}-{name}");

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
            MaxQueuePollingInterval = TimeSpan.FromSeconds(options.MaxPollingSeconds),

            // The messages of a process that has died are visible to the others after this time, and its attempts begin there.
            WorkItemQueueVisibilityTimeout = TimeSpan.FromSeconds(30),
            ControlQueueVisibilityTimeout = TimeSpan.FromSeconds(30),
            LeaseInterval = TimeSpan.FromSeconds(15),
            LeaseRenewInterval = TimeSpan.FromSeconds(5),
            LeaseAcquireInterval = TimeSpan.FromSeconds(5),

            // A process that has so many messages in memory fetches no more, not even those again that have become visible meanwhile, and
            // each of those fails in its turn. After an outage of storage some stay in the count for good (docs/scaling.md).
            ControlQueueBufferThreshold = 1_000,

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
