using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Records;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace FunctionsApp.Durable.Tests.Activities;

/// <summary>A webhook reports only an end that is stored.</summary>
public sealed class DeliveryActivityTests(DurableFixture fixture) : DurableTests(fixture), IClassFixture<DurableFixture>
{
    [AzuriteFact]
    public async Task An_end_that_was_never_stored_is_not_reported()
    {
        var definition = Echo with { Operation = "delay", OnError = new Uri("https://example.com/hook") };
        var id = (await CreateAsync(definition, """{"seconds":3600}""")).Id;
        await UntilAsync(id, static record => record.State == TaskState.Running);

        // The process that decided so has died before it stored that.
        var start = new TaskStart(definition, TimeProvider.System.GetUtcNow(), 16, 0);
        var decided = start.After(new DurableStatus { Version = 2 }, new AttemptVerdict(AttemptEnd.Cancelled), TimeProvider.System.GetUtcNow());
        var delivery = await DeliverAsync(new DeliveryInput(id, start, decided));

        Assert.Equal((DeliveryState.Pending, 0), (delivery.State, delivery.Sent));
        await Engine.CancelAsync(id);
    }

    [AzuriteFact]
    public async Task A_call_for_another_end_than_the_stored_one_leaves_the_webhook_of_that_pending()
    {
        var now = TimeProvider.System.GetUtcNow();
        var start = new TaskStart(Echo with { OnError = Failed, OnSuccess = Succeeded }, now, 16, DeliveryPauseSeconds: 3600);
        DurableStatus End(AttemptEnd end) => start.After(new DurableStatus { Version = 2 }, new AttemptVerdict(end), now.AddSeconds((int)end));
        var id = TaskRecord.NewId();
        await Hub.EnsureCreatedAsync();
        await Hub.StartAsync(id, start with { Status = End(AttemptEnd.Succeeded) });
        await UntilAsync(id, static record => record.State == TaskState.Succeeded);

        var delivery = await DeliverAsync(new DeliveryInput(id, start, End(AttemptEnd.Cancelled)));

        Assert.Equal((Succeeded, DeliveryState.Pending, 0), (delivery.Url, delivery.State, delivery.Sent));
    }

    private static Uri Succeeded { get; } = new("https://example.com/succeeded");

    private static Uri Failed { get; } = new("https://example.com/failed");

    /// <summary>Calls the activity, and lets its time pass.</summary>
    private async Task<Delivery> DeliverAsync(DeliveryInput input)
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var delivering = ActivatorUtilities.CreateInstance<DeliveryActivity>(Services, (TimeProvider)time).RunAsync(input, CancellationToken.None);
        await SeeAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return Task.FromResult(delivering.IsCompleted);
            },
            "The call has ended.");
        return await delivering;
    }
}
