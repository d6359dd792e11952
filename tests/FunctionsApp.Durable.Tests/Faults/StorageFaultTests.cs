using FunctionsApp.Core.Tasks;
using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Durable.Tests.Faults;

/// <summary>What becomes of tasks when storage is slow, loses responses, or is half away.</summary>
public sealed class StorageFaultTests(FaultyFixture fixture) : DurableTests(fixture), IClassFixture<FaultyFixture>, IDisposable
{
    private StorageProxy Proxy => fixture.Proxy;

    public void Dispose()
    {
        if (Azurite.Missing is null)
        {
            Proxy.Fault = null;
        }
    }

    [AzuriteFact]
    public async Task A_cancellation_whose_event_was_lost_is_sent_again_by_the_next_request()
    {
        var id = (await CreateAsync(Echo with { Operation = "fail", Retry = new() { MaxAttempts = 2, InitialDelaySeconds = 3600, MaxDelaySeconds = 3600 } }, """{"message":"No."}""")).Id;
        await UntilAsync(id, static record => record.NextAttemptAt is not null);

        Proxy.Fault = (context, forward) => Proxy.IsOfQueues(context) ? StorageProxy.CutAsync(context) : forward();
        var refused = await RefusedAsync(() => Engine.CancelAsync(id));
        Assert.Equal("storage-failed", refused.Slug);
        Proxy.Fault = null;

        Assert.Equal(TaskState.Cancelling, (await Engine.CancelAsync(id))!.Value.Record.State);
        Assert.Equal(TaskState.Cancelled, (await EndAsync(id)).State);
    }

    [AzuriteFact]
    public async Task The_problem_of_a_task_that_may_run_says_so_and_the_same_key_finds_the_task()
    {
        var definition = Echo with { IdempotencyKey = NewKey(), Fingerprint = "a" };
        Proxy.Fault = async (context, forward) =>
        {
            // The message arrives, but its response does not.
            if (Proxy.IsOfQueues(context) && HttpMethods.IsPost(context.Request.Method))
            {
                context.Response.Body = new MemoryStream();
                await forward();
                await Task.Delay(Limit, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                context.Abort();
            }
            else
            {
                await forward();
            }
        };
        var unknown = await RefusedAsync(() => CreateAsync(definition));
        Assert.Equal("storage-failed", unknown.Slug);
        Assert.Matches("is unknown whether.*Idempotency-Key", unknown.Detail);
        Proxy.Fault = null;

        var id = (await CreateAsync(definition)).Id;
        Assert.Equal(unknown.Id, id);
        Assert.Equal(TaskState.Succeeded, (await EndAsync(id)).State);
    }

    [AzuriteFact]
    public async Task A_task_that_cannot_be_started_leaves_nothing_behind()
    {
        var definition = Echo with { IdempotencyKey = NewKey(), Fingerprint = "a" };
        Proxy.Fault = (context, forward) => Proxy.IsOfQueues(context) ? StorageProxy.CutAsync(context) : forward();
        var refused = await RefusedAsync(() => CreateAsync(definition));
        Proxy.Fault = null;

        await DeleteOrphansAsync(TimeSpan.FromMinutes(61));
        Assert.Null(await Hub.Blobs.ReadInputAsync(refused.Id!, CancellationToken.None));
        Assert.Null(await Engine.FindAsync(refused.Id!));
        Assert.NotEqual(refused.Id, (await CreateAsync(definition with { Fingerprint = "b" })).Id);
    }

    [AzuriteFact]
    public async Task A_task_whose_input_cannot_be_stored_has_not_been_accepted()
    {
        Proxy.Fault = static (context, forward) => StorageProxy.Writes(context, "/input.json") ? StorageProxy.CutAsync(context) : forward();

        Assert.Contains("has not been accepted", (await RefusedAsync(() => CreateAsync(input: LargeInput))).Detail, StringComparison.Ordinal);
    }

    [AzuriteFact]
    public async Task An_outcome_that_cannot_be_stored_at_once_is_stored_later_and_the_work_is_not_repeated()
    {
        var cut = 0;
        Proxy.Fault = (context, forward) => StorageProxy.Writes(context, "/outcome-1.json") && Interlocked.Increment(ref cut) <= 7 ? StorageProxy.CutAsync(context) : forward();

        var ended = await EndAsync((await CreateAsync(input: LargeInput)).Id);

        Assert.Equal((TaskState.Succeeded, 1), (ended.State, ended.Attempts));
        Assert.Equal(LargeInput, $$"""{"value":{{await OutcomeAsync(ended.Id)}}}""");
        Assert.True(cut > 7);
    }

    [AzuriteFact]
    public async Task A_large_outcome_is_stored_over_a_slow_line()
    {
        // 32 Mbit/s: as one request it would take longer than a request may.
        const int BytesPerSecond = 4_000_000;
        var json = Json($"\"{new string('x', 24_000_000)}\"");
        var id = TaskRecord.NewId();
        Proxy.Fault = async (context, forward) =>
        {
            if (HttpMethods.IsPut(context.Request.Method))
            {
                await Task.Delay(TimeSpan.FromSeconds((context.Request.ContentLength ?? 0.0) / BytesPerSecond), context.RequestAborted)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            await (context.RequestAborted.IsCancellationRequested ? Task.CompletedTask : forward());
        };

        await Hub.Blobs.WriteOutcomeAsync(id, 1, json, CancellationToken.None);

        Proxy.Fault = null;
        Assert.Equal(json.Utf8.Length, (await Hub.Blobs.ReadOutcomeAsync(id, 1, CancellationToken.None))!.Value.Utf8.Length);
        await Hub.Blobs.DeleteAsync(id, key: null, hasPayloads: true, CancellationToken.None);
    }

    [AzuriteFact]
    public async Task An_attempt_whose_start_was_stored_but_not_confirmed_counts_once()
    {
        var lost = 0;
        Proxy.Fault = async (context, forward) =>
        {
            if (StorageProxy.Writes(context, "/attempts.json") && Interlocked.Exchange(ref lost, 1) == 0)
            {
                context.Response.Body = new MemoryStream();
                await forward();
                context.Abort();
            }
            else
            {
                await forward();
            }
        };

        var ended = await EndAsync((await CreateAsync(Echo with { Retry = new() { MaxAttempts = 1 } })).Id);

        Assert.Equal((TaskState.Succeeded, 1, 1), (ended.State, ended.Attempts, lost));
    }

    [AzuriteFact]
    public async Task Two_starts_of_one_key_are_one_task_however_late_the_first_arrives()
    {
        // The first process has taken the key and stored the input, and its start is under way.
        var key = NewKey();
        var definition = Echo with { IdempotencyKey = key, Fingerprint = "a" };
        var first = new Durable.Records.KeyEntry(TaskRecord.NewId(), TimeProvider.System.GetUtcNow().AddMinutes(-1), "a");
        await Hub.EnsureCreatedAsync();
        await Hub.Blobs.TakeKeyAsync(key, first, replaced: null, CancellationToken.None);
        await Hub.Blobs.WriteInputAsync(first.Id, Json("""{"value":1}"""), CancellationToken.None);

        Assert.Equal("idempotency-key-reused", (await RefusedAsync(() => CreateAsync(definition with { Fingerprint = "b" }))).Slug);
        var second = await CreateAsync(definition);
        await Hub.StartAsync(first.Id, new Durable.Records.TaskStart(definition, first.CreatedAt, 11, 0));

        Assert.Equal(first.Id, second.Id);
        Assert.Equal(1, (await EndAsync(second.Id)).Attempts);
        Assert.Equal(second.Id, (await CreateAsync(definition)).Id);
    }
}
