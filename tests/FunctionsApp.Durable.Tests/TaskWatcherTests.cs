using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Client;
using Microsoft.Extensions.Time.Testing;

namespace FunctionsApp.Durable.Tests;

/// <summary>Who waits for a task is told of its changes, and storage is asked once for all of them.</summary>
public sealed class TaskWatcherTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _time = new();
    private readonly SemaphoreSlim _read = new(0);
    private TaskView? _task = View(1);
    private int _reads;

    public void Dispose() => _read.Dispose();

    [Fact]
    public async Task The_first_watcher_gets_the_current_task()
    {
        Assert.Equal(1, (await Watcher().NextAsync("a", 0, CancellationToken.None).WaitAsync(Limit))!.Value.Revision);
    }

    [Fact]
    public async Task A_watcher_that_knows_the_task_waits_for_the_next_change()
    {
        var watcher = Watcher();
        var next = watcher.NextAsync("a", 1, CancellationToken.None);
        await ReadsAsync(3);
        Assert.False(next.IsCompleted);

        _task = View(2);
        await ReadsAsync(2);
        Assert.Equal(2, (await next.WaitAsync(Limit))!.Value.Revision);
    }

    [Fact]
    public async Task Many_watchers_cost_no_more_reads_than_one()
    {
        var watcher = Watcher();
        var waiting = Enumerable.Range(0, 100).Select(_ => watcher.NextAsync("a", 1, CancellationToken.None)).ToArray();
        await ReadsAsync(5);
        Assert.InRange(_reads, 5, 6);

        _task = View(2);
        await ReadsAsync(2);
        Assert.All(await Task.WhenAll(waiting).WaitAsync(Limit), static view => Assert.Equal(2, view!.Value.Revision));
    }

    [Fact]
    public async Task A_later_watcher_gets_the_known_state_at_once()
    {
        using var enough = new CancellationTokenSource();
        var watcher = Watcher();
        var waiting = watcher.NextAsync("a", 1, enough.Token);
        await ReadsAsync(2);

        Assert.Equal(1, (await watcher.NextAsync("a", 0, CancellationToken.None).WaitAsync(Limit))!.Value.Revision);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task Without_watchers_nothing_is_read()
    {
        using var enough = new CancellationTokenSource();
        var waiting = Watcher().NextAsync("a", 1, enough.Token);
        await ReadsAsync(2);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        await ReadsAsync(1);
        var reads = _reads;
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.False(await _read.WaitAsync(TimeSpan.FromMilliseconds(200)));
        Assert.Equal(reads, _reads);
    }

    [Fact]
    public async Task All_watchers_learn_that_a_task_is_gone()
    {
        var watcher = Watcher();
        var waiting = Enumerable.Range(0, 3).Select(_ => watcher.NextAsync("a", 1, CancellationToken.None)).ToArray();
        await ReadsAsync(1);
        _task = null;
        await ReadsAsync(1);

        Assert.All(await Task.WhenAll(waiting).WaitAsync(Limit), static view => Assert.Null(view));
    }

    [Fact]
    public async Task A_failure_reaches_all_watchers_and_the_next_wait_reads_again()
    {
        var fails = true;
        var watcher = new TaskWatcher(_ => fails ? throw new IOException("gone") : Task.FromResult(_task), _time);

        await Assert.ThrowsAsync<IOException>(() => watcher.NextAsync("a", 0, CancellationToken.None).WaitAsync(Limit));
        fails = false;
        Assert.NotNull(await watcher.NextAsync("a", 0, CancellationToken.None).WaitAsync(Limit));
    }

    private static TaskView View(long revision) => new(
        new TaskRecord
        {
            Id = "a",
            Sequence = 1,
            Definition = new TaskDefinition { Pattern = "await", Path = "/api/tasks", TtlSeconds = 1 },
            CreatedAt = DateTimeOffset.UnixEpoch,
            ExpiresAt = DateTimeOffset.MaxValue,
        },
        revision);

    private TaskWatcher Watcher() => new(
        _ =>
        {
            var task = _task;
            Interlocked.Increment(ref _reads);
            _read.Release();
            return Task.FromResult(task);
        },
        _time);

    /// <summary>Advances the time until the task has been read so often.</summary>
    private async Task ReadsAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            for (var waited = TimeSpan.Zero; !await _read.WaitAsync(TimeSpan.FromMilliseconds(10)); waited += TimeSpan.FromMilliseconds(10))
            {
                Assert.InRange(waited, TimeSpan.Zero, Limit);
                _time.Advance(TimeSpan.FromSeconds(1));
            }
        }
    }
}
