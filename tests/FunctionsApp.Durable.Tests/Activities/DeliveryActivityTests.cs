using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Orchestration;
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
        var decided = start.End(new DurableStatus { Version = 2 }, TaskState.Cancelled, TimeProvider.System.GetUtcNow());
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var delivering = ActivatorUtilities.CreateInstance<DeliveryActivity>(Services, (TimeProvider)time)
            .RunAsync(new DeliveryOrder(id, start, decided), CancellationToken.None);
        await SeeAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return Task.FromResult(delivering.IsCompleted);
            },
            "The call has ended.");

        Assert.Equal((DeliveryState.Pending, 0), ((await delivering).State, (await delivering).Sent));
        await Engine.CancelAsync(id);
    }
}
