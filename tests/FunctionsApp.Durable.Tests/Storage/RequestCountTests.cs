using System.Collections.Concurrent;
using DurableTask.Core;
using FunctionsApp.Durable.Tests.Faults;
using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Durable.Tests.Storage;

/// <summary>What a task costs in storage: docs/scaling.md counts it.</summary>
public sealed class RequestCountTests(FaultyFixture fixture) : DurableTests(fixture), IClassFixture<FaultyFixture>
{
    private readonly ConcurrentDictionary<string, int> _writes = new(StringComparer.Ordinal);

    [AzuriteTheory]
    [InlineData(1, 13, 3)]
    [InlineData(10_000, 15, 5)]
    public async Task A_task_is_written_in_few_requests_and_removed_in_fewer(int length, int writes, int removals)
    {
        await EndAsync((await CreateAsync()).Id);
        fixture.Proxy.Fault = CountAsync;
        try
        {
            var id = (await CreateAsync(Echo with { TtlSeconds = 0.5 }, $$"""{"value":"{{new string('x', length)}}"}""")).Id;
            await SeeAsync(async () => (await Hub.FindAsync(id))?.OrchestrationStatus == OrchestrationStatus.Completed, "It has ended.");
            await SeeAsync(() => Task.FromResult(_writes.GetValueOrDefault("DELETE message of control") == 2), "Its last message is deleted.");
            Assert.True(_writes.Values.Sum() == writes, Describe());

            _writes.Clear();
            await SeeAsync(
                async () =>
                {
                    await Sweep.SweepAsync(CancellationToken.None);
                    return await Hub.FindAsync(id) is null;
                },
                "It is removed.");
            Assert.True(_writes.Values.Sum() == removals, Describe());
        }
        finally
        {
            fixture.Proxy.Fault = null;
        }
    }

    /// <summary>Counts a write, unless it belongs to no task: leases and locks, and messages that are kept hidden.</summary>
    private Task CountAsync(HttpContext context, Func<Task> forward)
    {
        var (method, path) = (context.Request.Method, context.Request.Path.Value!);
        var isOfMessage = path.Contains("/messages", StringComparison.Ordinal);
        if (!HttpMethods.IsGet(method) && !HttpMethods.IsHead(method)
            && !path.Contains("Partitions", StringComparison.Ordinal)
            && !(isOfMessage && HttpMethods.IsPut(method))
            && !path.Contains("/locks/", StringComparison.Ordinal))
        {
            var kind = !isOfMessage ? path : path.Contains("control", StringComparison.Ordinal) ? "message of control" : "message of work";
            _writes.AddOrUpdate($"{method} {kind}", 1, static (_, count) => count + 1);
        }

        return forward();
    }

    private string Describe() => string.Join('\n', _writes.Select(static write => $"{write.Value} {write.Key}").Order(StringComparer.Ordinal));
}
