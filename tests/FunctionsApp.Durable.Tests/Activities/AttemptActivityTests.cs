using System.Text;
using Azure.Storage.Blobs;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace FunctionsApp.Durable.Tests.Activities;

/// <summary>An attempt under a host that limits the time of an activity, as the Functions host does.</summary>
public sealed class AttemptActivityTests(DurableFixture fixture) : IClassFixture<DurableFixture>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [AzuriteFact]
    public async Task An_attempt_without_a_turn_in_time_is_queued_again_and_not_counted()
    {
        var activity = Limited(TimeSpan.FromSeconds(2.2), maxRunning: 1);
        var first = await CallAsync("delay", """{"seconds":3600}""");
        var running = activity.RunAsync(first, CancellationToken.None);
        var call = await CallAsync("echo", """{"value":1}""");
        call = call with { Definition = call.Definition with { TimeoutSeconds = 2 } };

        var waited = await activity.RunAsync(call, CancellationToken.None);
        await Hub.Blobs.ChangeStateAsync(first.Id, known: null, new AttemptsCancelled(TimeProvider.System.GetUtcNow()), CancellationToken.None);
        await running;
        var made = await activity.RunAsync(call, CancellationToken.None);

        Assert.Equal(((AttemptEnd?)null, 0, 10.0), (waited.End, waited.Begun, waited.PauseSeconds));
        Assert.Equal((AttemptEnd.Succeeded, 1), (made.End, made.Begun));
    }

    [AzuriteFact]
    public async Task An_execution_that_lost_an_attempt_reports_the_winners_end()
    {
        var activity = NewActivity();
        var call = await CallAsync("delay", """{"seconds":8,"result":"done"}""", maxAttempts: 2);

        // The process of the first seemed to have died, so the same call is made again, and its pause before it takes over passes at once.
        var first = activity.RunAsync(call, CancellationToken.None);
        await StartedAsync(call, attempts: 1);
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var second = ActivatorUtilities.CreateInstance<AttemptActivity>(
            fixture.Services, ActivatorUtilities.CreateInstance<AttemptExecution>(fixture.Services, time)).RunAsync(call, CancellationToken.None);
        await StartedAsync(call, attempts: 2, time);
        Assert.Same(second, await Task.WhenAny(first, second));

        Assert.Equal((AttemptEnd.Succeeded, 2), ((await second).End, (await second).Begun));
        Assert.Equal(await second, await first);
    }

    [AzuriteFact]
    public async Task An_attempt_that_is_repeated_while_its_end_is_stored_is_not_taken_over()
    {
        var activity = NewActivity();
        var call = await CallAsync("delay", """{"seconds":1,"result":"done"}""", maxAttempts: 1);

        var first = activity.RunAsync(call, CancellationToken.None);
        await StartedAsync(call, attempts: 1);
        var second = await activity.RunAsync(call, CancellationToken.None);

        Assert.Equal((AttemptEnd.Succeeded, 1), (second.End, second.Begun));
        Assert.Equal(await first, second);
    }

    [AzuriteFact]
    public async Task An_end_that_is_stored_but_was_not_reported_is_the_end_of_every_later_call()
    {
        var activity = NewActivity();
        var call = await CallAsync("echo", """{"value":1}""", maxAttempts: 2);
        var first = await activity.RunAsync(call, CancellationToken.None);
        using var stopped = new CancellationTokenSource();
        await stopped.CancelAsync();

        Assert.Equal(first, await activity.RunAsync(call, stopped.Token));
        Assert.Equal(first, await activity.RunAsync(call, CancellationToken.None));
        Assert.Equal(first, await activity.RunAsync(call with { Call = 2 }, CancellationToken.None));
    }

    [AzuriteFact]
    public async Task An_attempt_that_was_given_up_does_not_change_the_end_of_the_task()
    {
        var activity = NewActivity();
        var call = await CallAsync("delay", """{"seconds":3600}""", maxAttempts: 1);

        var first = activity.RunAsync(call, CancellationToken.None);
        await StartedAsync(call, attempts: 1);
        var second = await activity.RunAsync(call, CancellationToken.None);

        Assert.Equal((AttemptEnd.Interrupted, 1), (second.End, second.Begun));
        Assert.Equal(second, await first.WaitAsync(Limit));
    }

    [AzuriteFact]
    public async Task A_call_that_waits_for_another_execution_starts_nothing_and_reports_that_end()
    {
        var activity = NewActivity();
        var call = await CallAsync("delay", """{"seconds":1,"result":"done"}""", maxAttempts: 2);
        var running = activity.RunAsync(call, CancellationToken.None);
        await StartedAsync(call, attempts: 1);

        var waiting = await activity.RunAsync(call with { IsRunning = true }, CancellationToken.None);

        Assert.Equal((AttemptEnd.Succeeded, 1), (waiting.End, waiting.Begun));
        Assert.Equal(await running, waiting);
    }

    [AzuriteFact]
    public async Task A_call_that_waits_for_another_execution_is_repeated_elsewhere_after_a_shutdown_or_timeout()
    {
        var activity = NewActivity();
        var limited = Limited(TimeSpan.FromSeconds(2), maxRunning: 10);
        var call = await CallAsync("delay", """{"seconds":3600}""");
        using var stop = new CancellationTokenSource();
        var running = activity.RunAsync(call, stop.Token);
        await StartedAsync(call, attempts: 1);
        using var stopped = new CancellationTokenSource();
        await stopped.CancelAsync();

        Assert.Equal((true, 0.0), await EndOfAsync(activity, stopped.Token));
        Assert.Equal((true, 10.0), await EndOfAsync(limited, CancellationToken.None));
        await stop.CancelAsync();
        Assert.Equal(AttemptEnd.Retried, (await running).End);

        async Task<(bool, double)> EndOfAsync(AttemptActivity waiting, CancellationToken stopping)
        {
            var result = await waiting.RunAsync(call with { IsRunning = true }, stopping);
            return (result.IsRunning, result.PauseSeconds);
        }
    }

    [AzuriteFact]
    public async Task A_host_that_has_cancelled_an_attempt_begins_no_other_until_it_must_have_stopped()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        using var slots = ActivatorUtilities.CreateInstance<AttemptSlots>(fixture.Services, (TimeProvider)time);
        var activity = ActivatorUtilities.CreateInstance<AttemptActivity>(fixture.Services, slots);
        using var stop = new CancellationTokenSource();
        var first = await CallAsync("delay", """{"seconds":3600}""");
        var running = activity.RunAsync(first, stop.Token);
        await StartedAsync(first, attempts: 1);
        await stop.CancelAsync();
        Assert.Equal(AttemptEnd.Retried, (await running).End);

        var call = await CallAsync("echo", """{"value":1}""");
        var refused = await activity.RunAsync(call, CancellationToken.None);
        Assert.Equal(((AttemptEnd?)null, 0, 3.0), (refused.End, refused.Begun, refused.PauseSeconds));
        time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(AttemptEnd.Succeeded, (await activity.RunAsync(call, CancellationToken.None)).End);
    }

    [AzuriteFact]
    public async Task A_call_that_is_repeated_after_its_task_was_removed_does_not_begin()
    {
        var call = await CallAsync("echo", """{"value":1}""") with { Input = """{"value":1}""" };

        var result = await NewActivity().RunAsync(
            call with { DueAt = call.DueAt - TimeSpan.FromSeconds(30) }, CancellationToken.None);

        Assert.Equal((AttemptEnd.Cancelled, 0), (result.End, result.Begun));
        Assert.Null((await Hub.Blobs.ReadStateAsync(call.Id, CancellationToken.None)).Tag);
    }

    [AzuriteFact]
    public async Task An_attempt_without_its_input_fails_the_task()
    {
        var call = (await CallAsync("echo", "1")) with { Id = TaskRecord.NewId() };

        var result = await NewActivity().RunAsync(call, CancellationToken.None);

        Assert.Equal(AttemptEnd.Failed, result.End);
        Assert.Contains("The input of the task is missing.", result.Outcome, StringComparison.Ordinal);
    }

    [AzuriteFact]
    public async Task A_retry_without_its_input_fails_the_task_and_keeps_the_number_of_attempts()
    {
        var activity = NewActivity();
        var call = await CallAsync("delay", """{"seconds":3600}""");
        using var stop = new CancellationTokenSource();
        var interrupted = activity.RunAsync(call, stop.Token);
        await StartedAsync(call, attempts: 1);
        await stop.CancelAsync();
        await interrupted;
        var connection = fixture.Services.GetRequiredService<IConfiguration>()["AzureWebJobsStorage"];
        await new BlobContainerClient(connection, "conformance-tasks").DeleteBlobAsync($"tasks/{call.Id}/input.json");

        var result = await NewActivity().RunAsync(call with { Call = 2 }, CancellationToken.None);

        Assert.Equal((AttemptEnd.Failed, 1), (result.End, result.Begun));
        Assert.Contains("The input of the task is missing.", result.Outcome, StringComparison.Ordinal);
    }

    private AttemptActivity NewActivity() =>
        ActivatorUtilities.CreateInstance<AttemptActivity>(fixture.Services, ActivatorUtilities.CreateInstance<AttemptSlots>(fixture.Services));

    private AttemptActivity Limited(TimeSpan maxTime, int maxRunning) => ActivatorUtilities.CreateInstance<AttemptActivity>(
        fixture.Services,
        ActivatorUtilities.CreateInstance<AttemptSlots>(
            fixture.Services,
            Options.Create(new TasksOptions { MaxRunning = maxRunning }),
            Options.Create(new DurableHostingOptions { HasExtension = true, MaxActivityTime = maxTime })));

    private TaskHub Hub => fixture.Services.GetRequiredService<TaskHub>();

    private async Task<AttemptInput> CallAsync(string operation, string input, int maxAttempts = 10)
    {
        var json = Core.Json.RawJson.FromUtf8(Encoding.UTF8.GetBytes(input));
        var definition = new TaskDefinition { Pattern = "await", Path = "/api/tasks", Operation = operation, TtlSeconds = 60, Retry = new() { MaxAttempts = maxAttempts } };
        var call = new AttemptInput(TaskRecord.NewId(), 1, definition, json.Utf8.Length, TimeProvider.System.GetUtcNow());
        await Hub.EnsureCreatedAsync();
        await Hub.Blobs.WriteInputAsync(call.Id, json, CancellationToken.None);
        return call;
    }

    private async Task StartedAsync(AttemptInput call, int attempts, FakeTimeProvider? time = null)
    {
        for (var waited = TimeSpan.Zero; (await Hub.Blobs.ReadStateAsync(call.Id, CancellationToken.None)).Value.Begun < attempts; waited += TimeSpan.FromMilliseconds(20))
        {
            Assert.InRange(waited, TimeSpan.Zero, Limit);
            time?.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(20);
        }
    }
}
