using System.Text.Json;
using System.Text.Json.Nodes;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using DurableTask.Core;
using DurableTask.Core.History;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Hosting;
using FunctionsApp.Durable.Records;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Durable.Tests.Faults;

/// <summary>Stored data that another version of the app has written, that is damaged, or that is not the app's.</summary>
public sealed class StoredDataTests(DurableFixture fixture) : DurableTests(fixture), IClassFixture<DurableFixture>
{
    private static readonly string Endless = """{"seconds":3600}""";

    private BlobContainerClient Blobs => new(Connection, "conformance-tasks");

    private string Connection => Services.GetRequiredService<IConfiguration>()["AzureWebJobsStorage"]!;

    [AzuriteFact]
    public async Task A_start_of_a_later_version_with_more_properties_runs()
    {
        var start = JsonSerializer.SerializeToNode(StartOf(Echo), CoreJson.StoredTypeInfo<TaskStart>())!.AsObject();
        foreach (var part in new[] { start, start["definition"]!.AsObject() })
        {
            part["later"] = new JsonObject { ["version"] = 2 };
        }

        var id = await SendAsync(start.ToJsonString());

        Assert.Equal(TaskState.Succeeded, (await EndAsync(id)).State);
        Assert.Equal("1", await OutcomeAsync(id));
    }

    [AzuriteTheory]
    [InlineData("""{"definition":{"pattern":"await"}}""")]
    [InlineData("null")]
    [InlineData("[1]")]
    public async Task An_unreadable_start_is_a_failed_task(string start)
    {
        var id = await SendAsync(start);

        var ended = await EndAsync(id);
        Assert.Equal(TaskState.Failed, ended.State);
        Assert.Contains("/problems/storage-failed", await OutcomeAsync(id), StringComparison.Ordinal);
        Assert.Contains((await Engine.ListAsync(new TaskQuery(TaskState.Failed, null, 100, null))).Items, record => record.Id == id);
        await SeeAsync(async () => (await Hub.FindAsync(id))!.OrchestrationStatus == OrchestrationStatus.Completed, "Nothing is left to do.");
        Engine.EnsureReady();
    }

    [AzuriteFact]
    public async Task A_task_of_a_later_version_is_left_to_a_process_that_knows_its_steps()
    {
        var later = await SendAsync(JsonSerializer.Serialize(StartOf(Echo), CoreJson.StoredTypeInfo<TaskStart>()), version: "99.0");

        for (var others = 0; others < 3; others++)
        {
            await EndAsync((await CreateAsync()).Id);
        }

        Assert.Equal(TaskState.Queued, (await Engine.FindAsync(later))!.Value.Record.State);
        Assert.Equal(OrchestrationStatus.Pending, (await Hub.FindAsync(later))!.OrchestrationStatus);
    }

    [AzuriteFact]
    public async Task A_task_whose_history_has_other_steps_fails_and_says_so_and_expires()
    {
        TaskDefinition definition;
        string id;
        var seconds = 1;
        do
        {
            // On a slow machine the attempt may end before its history is another: then it takes longer the next time.
            seconds *= 2;
            definition = Echo with { Operation = "delay", TtlSeconds = 5, IdempotencyKey = NewKey(), Fingerprint = "a" };
            id = (await CreateAsync(definition, $$"""{"seconds":{{seconds}}}""")).Id;
            await UntilAsync(id, static record => record.State == TaskState.Running);
            var history = new TableClient(Connection, "ConformanceHistory");
            await foreach (var row in history.QueryAsync<TableEntity>($"PartitionKey eq '{id}' and EventType eq 'TaskScheduled'"))
            {
                row["Name"] = "AnEarlierStep";
                await history.UpdateEntityAsync(row, row.ETag);
            }
        }
        while ((await Engine.FindAsync(id))?.Record.State != TaskState.Running);

        await SeeAsync(async () => (await Hub.FindAsync(id))!.OrchestrationStatus == OrchestrationStatus.Failed, "Its orchestration has failed.");
        Assert.Equal(TaskState.Failed, (await Engine.FindAsync(id))!.Value.Record.State);
        Assert.Contains("another version of the app began it", await OutcomeAsync(id), StringComparison.Ordinal);
        Assert.Equal(id, (await CreateAsync(definition, """{"seconds":2}""")).Id);

        await SeeAsync(
            async () =>
            {
                await Sweep.SweepAsync(CancellationToken.None);
                return await Hub.FindAsync(id) is null;
            },
            "It is still stored.");
        Assert.Empty(await BlobsOfAsync(id));
        Assert.NotEqual(id, (await CreateAsync(definition with { Fingerprint = "b" }, """{"seconds":0}""")).Id);
    }

    [AzuriteFact]
    public async Task A_task_whose_orchestration_an_operator_has_terminated_fails_and_its_attempt_stops()
    {
        var id = (await CreateAsync(Echo with { Operation = "delay", TtlSeconds = 5 }, Endless)).Id;
        await UntilAsync(id, static record => record.State == TaskState.Running);

        await Hub.Service.ForceTerminateTaskOrchestrationAsync(id, "By hand.");

        await SeeAsync(async () => (await Hub.FindAsync(id))!.OrchestrationStatus == OrchestrationStatus.Terminated, "It is terminated.");
        Assert.Equal(TaskState.Failed, (await EndAsync(id)).State);
        Assert.Contains("/problems/interrupted", await OutcomeAsync(id), StringComparison.Ordinal);
        await SeeAsync(
            async () =>
            {
                await Sweep.SweepAsync(CancellationToken.None);
                return await Hub.FindAsync(id) is null;
            },
            "It is still stored.");
    }

    [AzuriteFact]
    public async Task Unreadable_attempts_fail_only_their_task()
    {
        var id = (await CreateAsync(Echo with { Operation = "delay" }, Endless)).Id;
        await UntilAsync(id, static record => record.State == TaskState.Running);
        await Blobs.GetBlobClient($"tasks/{id}/attempts.json").UploadAsync(BinaryData.FromString("""{"version":"""), overwrite: true);

        Assert.Equal(TaskState.Failed, (await Engine.FindAsync(id))!.Value.Record.State);
        Assert.Contains("cannot be read", await OutcomeAsync(id), StringComparison.Ordinal);
        var listed = Assert.Single((await Engine.ListAsync(new TaskQuery(null, "delay", 100, null))).Items, record => record.Id == id);
        Assert.Equal(TaskState.Failed, listed.State);
        Engine.EnsureReady();
        Assert.Equal(TaskState.Succeeded, (await EndAsync((await CreateAsync()).Id)).State);

        await SeeAsync(async () => (await Hub.FindAsync(id))!.Status!.Contains("\"failed\"", StringComparison.Ordinal), "The attempt has stopped, and the task ended.");
    }

    [AzuriteFact]
    public async Task An_unreadable_key_refuses_only_its_own_requests()
    {
        var definition = Echo with { IdempotencyKey = NewKey(), Fingerprint = "a", TtlSeconds = 6 };
        var id = (await CreateAsync(definition)).Id;
        await foreach (var blob in Blobs.GetBlobsAsync(new Azure.Storage.Blobs.Models.GetBlobsOptions { Prefix = "keys/" }))
        {
            var client = Blobs.GetBlobClient(blob.Name);
            if ((await client.DownloadContentAsync()).Value.Content.ToString().Contains(id, StringComparison.Ordinal))
            {
                await client.UploadAsync(BinaryData.FromString("{}"), overwrite: true);
            }
        }

        Assert.Equal("storage-failed", (await RefusedAsync(() => CreateAsync(definition))).Slug);
        Engine.EnsureReady();
        await CreateAsync(definition with { IdempotencyKey = NewKey() });
        await SeeAsync(
            async () =>
            {
                await Sweep.SweepAsync(CancellationToken.None);
                return (await BlobsOfAsync(id)).Count == 0;
            },
            "Its task is deleted when it has expired.");
    }

    [AzuriteFact]
    public async Task A_task_whose_message_was_lost_is_started_again_once_nothing_else_waits()
    {
        // Its row is stored, and its message is gone.
        await Hub.EnsureCreatedAsync();
        var id = TaskRecord.NewId();
        var created = TimeProvider.System.GetUtcNow().AddMinutes(-10);
        await new TableClient(Connection, "ConformanceInstances").AddEntityAsync(new TableEntity(id, "")
        {
            ["Name"] = TaskNames.Orchestration,
            ["Version"] = TaskNames.Version,
            ["Input"] = JsonSerializer.Serialize(StartOf(Echo) with { Input = """{"value":"found"}""" }, CoreJson.StoredTypeInfo<TaskStart>()),
            ["RuntimeStatus"] = "Pending",
            ["CreatedTime"] = created,
            ["LastUpdatedTime"] = created,
            ["ExecutionId"] = "1",
            ["Generation"] = 0,
        });
        Assert.Equal(TaskState.Queued, (await Engine.FindAsync(id))!.Value.Record.State);

        await Sweep.SweepAsync(CancellationToken.None);
        Assert.Equal("1", (await Hub.FindAsync(id))!.OrchestrationInstance.ExecutionId);
        await SeeAsync(
            async () =>
            {
                await Sweep.SweepAsync(CancellationToken.None);
                return (await Engine.FindAsync(id))!.Value.Record.IsFinished;
            },
            "It has run.");
        Assert.Equal("\"found\"", await OutcomeAsync(id));
    }

    [AzuriteFact]
    public async Task One_process_sweeps()
    {
        await Hub.EnsureCreatedAsync();
        await Sweep.SweepAsync(CancellationToken.None);
        var other = ActivatorUtilities.CreateInstance<HubSweep>(Services);

        Assert.True(await Sweep.TryLeadAsync(CancellationToken.None));
        Assert.False(await other.TryLeadAsync(CancellationToken.None));
    }

    [AzuriteFact]
    public async Task Orchestrations_that_are_not_tasks_are_left_alone()
    {
        await Hub.EnsureCreatedAsync();
        var instances = new TableClient(Connection, "ConformanceInstances");
        var (completed, running) = ("mine-completed", TaskRecord.NewId());
        foreach (var (id, status) in new[] { (completed, "Completed"), (running, "Running") })
        {
            await instances.AddEntityAsync(new TableEntity(id, "")
            {
                ["Name"] = "MyOwn",
                ["Input"] = "\"mine\"",
                ["RuntimeStatus"] = status,
                ["CreatedTime"] = TimeProvider.System.GetUtcNow(),
                ["LastUpdatedTime"] = TimeProvider.System.GetUtcNow(),
                ["ExecutionId"] = "1",
            });
        }

        await Sweep.SweepAsync(CancellationToken.None);

        Assert.NotNull(await Hub.FindAsync(completed));
        Assert.Null(await Engine.FindAsync(running));
        Assert.DoesNotContain((await Engine.ListAsync(new TaskQuery(null, null, 100, null))).Items, record => record.Id == running);
    }

    [AzuriteFact]
    public async Task Inputs_and_keys_of_tasks_that_were_never_created_are_deleted()
    {
        await Hub.EnsureCreatedAsync();
        var (kept, orphan, key) = ((await CreateAsync(Echo with { IdempotencyKey = NewKey(), Fingerprint = "a" })).Id, TaskRecord.NewId(), NewKey());
        await Hub.Blobs.WriteInputAsync(orphan, Json("1"), CancellationToken.None);
        var entry = new KeyEntry(orphan, TimeProvider.System.GetUtcNow(), "a");
        await Hub.Blobs.TakeKeyAsync(key, entry, replaced: null, CancellationToken.None);

        await DeleteOrphansAsync(TimeSpan.FromMinutes(59));
        Assert.NotEmpty(await BlobsOfAsync(orphan));

        await DeleteOrphansAsync(TimeSpan.FromMinutes(61));
        Assert.Empty(await BlobsOfAsync(orphan));
        Assert.NotEmpty(await BlobsOfAsync(kept));
        var next = entry with { Id = TaskRecord.NewId() };
        Assert.Equal(next, (await Hub.Blobs.TakeKeyAsync(key, next, replaced: null, CancellationToken.None))!.Value);
    }

    [AzuriteFact]
    public async Task A_key_that_another_task_has_taken_over_is_not_freed()
    {
        await Hub.EnsureCreatedAsync();
        var key = NewKey();
        var expired = (await Hub.Blobs.TakeKeyAsync(key, new KeyEntry(TaskRecord.NewId(), TimeProvider.System.GetUtcNow()), replaced: null, CancellationToken.None))!;
        var next = new KeyEntry(TaskRecord.NewId(), TimeProvider.System.GetUtcNow());
        Assert.Equal(next, (await Hub.Blobs.TakeKeyAsync(key, next, expired, CancellationToken.None))!.Value);

        Assert.False(await Hub.Blobs.FreeKeyAsync(key, expired, CancellationToken.None));
        await Hub.Blobs.DeleteAsync(expired.Value.Id, key, hasPayloads: false, CancellationToken.None);
        Assert.Null(await Hub.Blobs.TakeKeyAsync(NewKey(), next, expired, CancellationToken.None));

        Assert.Equal(next, (await Hub.Blobs.TakeKeyAsync(key, expired.Value, replaced: null, CancellationToken.None))!.Value);
    }

    private static TaskStart StartOf(TaskDefinition definition) => new(definition, TimeProvider.System.GetUtcNow(), InputBytes: 11, DeliveryPauseSeconds: 0);

    private async Task<List<string>> BlobsOfAsync(string id)
    {
        var names = new List<string>();
        await foreach (var blob in Blobs.GetBlobsAsync(new Azure.Storage.Blobs.Models.GetBlobsOptions { Prefix = $"tasks/{id}/" }))
        {
            names.Add(blob.Name);
        }

        return names;
    }

    /// <summary>Sends a start as it might be stored.</summary>
    private async Task<string> SendAsync(string start, string version = TaskNames.Version)
    {
        var id = TaskRecord.NewId();
        await Hub.EnsureCreatedAsync();
        await Hub.Blobs.WriteInputAsync(id, Json("""{"value":1}"""), CancellationToken.None);
        var started = new ExecutionStartedEvent(-1, start)
        {
            Name = TaskNames.Orchestration,
            Version = version,
            OrchestrationInstance = new OrchestrationInstance { InstanceId = id, ExecutionId = Guid.NewGuid().ToString("N") },
        };
        await Hub.Service.CreateTaskOrchestrationAsync(new DurableTask.Core.TaskMessage { OrchestrationInstance = started.OrchestrationInstance, Event = started });
        return id;
    }
}
