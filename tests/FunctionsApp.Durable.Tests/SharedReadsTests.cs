using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Client;

namespace FunctionsApp.Durable.Tests;

/// <summary>Reads are bounded, and shared as long as they have not begun.</summary>
public sealed class SharedReadsTests
{
    private readonly List<(string Id, TaskCompletionSource<TaskView?> Done)> _begun = [];

    [Fact]
    public async Task Four_reads_run_at_once_and_a_read_that_waits_is_shared()
    {
        using var reads = new SharedReads(FindAsync);
        var running = Enumerable.Range(0, 4).Select(n => reads.ReadAsync($"{n}")).ToList();
        await UntilAsync(4);
        var waiting = Enumerable.Range(0, 100).Select(_ => reads.ReadAsync("shared")).ToList();

        // One that has begun may be older than this request.
        var again = reads.ReadAsync("0");
        _ = Assert.Single(waiting.Distinct());
        Assert.DoesNotContain(again, running);
        Assert.Equal(4, Begun().Count);

        Begun()[0].Done.SetResult(null);
        await UntilAsync(5);
        Begun()[1].Done.SetResult(null);
        await UntilAsync(6);
        Assert.Equal(["0", "shared"], Begun().Skip(4).Select(static read => read.Id).Order(StringComparer.Ordinal));
        Begun().ForEach(static read => read.Done.TrySetResult(null));
        await Task.WhenAll([.. running, .. waiting, again]);
    }

    [Fact]
    public async Task A_failure_reaches_all_who_share_the_read_and_frees_its_place()
    {
        using var reads = new SharedReads(static _ => Task.FromException<TaskView?>(new IOException("Storage is away.")));
        for (var n = 0; n < 10; n++)
        {
            await Assert.ThrowsAsync<IOException>(() => reads.ReadAsync("a"));
        }
    }

    private Task<TaskView?> FindAsync(string id)
    {
        var done = new TaskCompletionSource<TaskView?>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_begun)
        {
            _begun.Add((id, done));
        }

        return done.Task;
    }

    private List<(string Id, TaskCompletionSource<TaskView?> Done)> Begun()
    {
        lock (_begun)
        {
            return [.. _begun];
        }
    }

    private async Task UntilAsync(int count)
    {
        for (var waited = 0; Begun().Count < count; waited += 10)
        {
            Assert.InRange(waited, 0, 30_000);
            await Task.Delay(10);
        }
    }
}
