using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Orchestration;
using FunctionsApp.Durable.Tests.Conformance;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Tests.Activities;

/// <summary>An attempt under a host that limits the time of an activity, as the Functions host does.</summary>
public sealed class AttemptActivityTests(DurableFixture fixture) : IClassFixture<DurableFixture>
{
    [AzuriteFact]
    public async Task It_is_queued_anew_and_not_counted_when_its_turn_does_not_come_in_time()
    {
        // Without a hub of the extension nobody else takes the order.
        var options = Options.Create(new TasksOptions { MaxRunning = 1 });
        using var slots = new AttemptSlots(options, TimeProvider.System);
        var hosting = Options.Create(new DurableHostingOptions { HasExtension = true, MaxActivityTime = TimeSpan.FromSeconds(1.2) });
        var activity = ActivatorUtilities.CreateInstance<AttemptActivity>(fixture.Services, slots, hosting);
        var id = TaskRecord.NewId();
        var hub = fixture.Services.GetRequiredService<TaskHub>();
        await hub.EnsureCreatedAsync();
        await hub.Blobs.WriteInputAsync(id, Core.Json.RawJson.FromUtf8("""{"value":1}"""u8.ToArray()), CancellationToken.None);
        var order = new AttemptOrder(id, 1, new TaskDefinition { Pattern = "await", Path = "/api/tasks", Operation = "echo", TtlSeconds = 60, TimeoutSeconds = 1 }, 11, DateTimeOffset.UtcNow);

        AttemptResult waited;
        using (await slots.EnterAsync(DateTimeOffset.UtcNow, CancellationToken.None))
        {
            waited = await activity.RunAsync(order, CancellationToken.None);
        }

        var made = await activity.RunAsync(order with { Call = 2 }, CancellationToken.None);

        Assert.Equal((AttemptEnd.Retried, 0, 10.0), (waited.End, waited.Attempts, waited.PauseSeconds));
        Assert.Equal((AttemptEnd.Succeeded, 1), (made.End, made.Attempts));
    }
}
