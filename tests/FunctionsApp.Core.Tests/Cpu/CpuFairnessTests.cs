using FunctionsApp.Core.Cpu;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>Who is served when. Time passes only as items are computed, so that every order is the same each time.</summary>
public sealed class CpuFairnessTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider _time = new();
    private readonly List<CpuScheduler> _schedulers = [];
    private readonly ManualResetEventSlim _gate = new();

    // What was computed: whose, and how long it took. One thread at a time.
    private readonly List<(char Name, double Milliseconds)> _order = [];

    public void Dispose()
    {
        _gate.Set();
        _schedulers.ForEach(static scheduler => scheduler.Dispose());
    }

    [Theory]
    [InlineData(20, 1)]
    [InlineData(3, 1)]
    [InlineData(7, 5)]
    [InlineData(50, 0.5)]
    public async Task A_share_with_long_chunks_gets_no_more_time_than_one_with_short_ones(double longMs, double shortMs)
    {
        await RunTogetherAsync(
            () => new ChunkJob((int)(500 / longMs), 1, _ => Compute('a', longMs)),
            () => new ChunkJob((int)(500 / shortMs), 1, _ => Compute('b', shortMs)));

        EnsureTogether(within: longMs + shortMs);
    }

    [Fact]
    public async Task A_share_with_huge_chunks_gets_no_more_time_than_one_with_short_ones()
    {
        await RunTogetherAsync(
            () => ChunkJob.OfItems(5_000, 1, _ => Compute('a', 0.1)),
            () => new ChunkJob(500, 1, _ => Compute('b', 1)));

        EnsureTogether(within: 7);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public async Task A_request_with_many_jobs_gets_no_more_time_than_one_with_one(double milliseconds)
    {
        var many = new CpuShare();
        await RunTogetherAsync([
            .. Enumerable.Range(0, (int)(400 / milliseconds)).Select(_ => (Func<CpuJob>)(() => WithShare(many, () => new ChunkJob(1, 1, _ => Compute('a', milliseconds))))),
            () => ChunkJob.OfItems(400, 1, _ => Compute('b', 1)),
        ]);

        EnsureTogether(within: milliseconds + 6);
    }

    [Fact]
    public async Task A_new_share_is_served_before_the_rest_of_a_huge_one()
    {
        var scheduler = Create();
        Task? small = null;
        await scheduler.ComputeAsync(ChunkJob.OfItems(1_000, 1, index =>
        {
            Compute('a', 1);
            if (index == 99)
            {
                small = scheduler.ComputeAsync(Call('b', 1), CancellationToken.None);
            }
        }), CancellationToken.None).WaitAsync(Patience);
        await small!.WaitAsync(Patience);

        Assert.Equal(100, Names().IndexOf('b', StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_new_share_is_served_before_all_waiting_ones()
    {
        var scheduler = Create();
        Task? small = null;
        await RunTogetherAsync(scheduler, [
            () => ChunkJob.OfItems(1_000, 1, index =>
            {
                Compute('a', 1);
                if (index == 502)
                {
                    small = scheduler.ComputeAsync(Call('x', 1), CancellationToken.None);
                }
            }),
            () => ChunkJob.OfItems(1_000, 1, _ => Compute('b', 1)),
            () => new ChunkJob(1_000, 1, _ => Compute('c', 1)),
        ]);
        await small!.WaitAsync(Patience);

        var (names, at) = (Names(), Names().IndexOf('x', StringComparison.Ordinal));
        Assert.Equal(503, names[..at].Count(static name => name == 'a'));
        Assert.Equal('a', names[at - 1]);
    }

    /// <summary>Each is new, and has used less than the huge one; yet together they are no more than others who share.</summary>
    [Fact]
    public async Task A_stream_of_new_shares_does_not_starve_others()
    {
        var scheduler = Create();
        var came = 0;
        var last = new TaskCompletionSource();
        await RunTogetherAsync(scheduler, [
            () => ChunkJob.OfItems(1_000, 1, _ => Compute('h', 1)),
            () => Next(),
            () => Next(),
            () => Next(),
        ]);
        await last.Task.WaitAsync(Patience);

        // Three others are there at any time.
        var huge = Names()[..1_000].Count(static name => name == 'h');
        Assert.InRange(huge, 200, 300);

        ChunkJob Next() => new(1, 1, chunk =>
        {
            Compute('n', 1);
            if (++came < 2_000)
            {
                _ = scheduler.ComputeAsync(Next(), CancellationToken.None);
            }
            else
            {
                last.TrySetResult();
            }
        });
    }

    [Fact]
    public async Task Unused_time_of_an_absent_share_is_not_saved_up()
    {
        var scheduler = Create();
        var share = new CpuShare();
        await scheduler.ComputeAsync(WithShare(share, () => new ChunkJob(1, 1, _ => Compute('a', 1))), CancellationToken.None).WaitAsync(Patience);
        Task? back = null;
        await scheduler.ComputeAsync(ChunkJob.OfItems(2_000, 1, index =>
        {
            Compute('b', 1);
            if (index == 999)
            {
                back = scheduler.ComputeAsync(WithShare(share, () => ChunkJob.OfItems(500, 1, _ => Compute('a', 1))), CancellationToken.None);
            }
        }), CancellationToken.None).WaitAsync(Patience);
        await back!.WaitAsync(Patience);

        // From when it is back, a turn ahead and then half each.
        Assert.InRange(Names()[1_001..1_501].Count(static name => name == 'a'), 245, 260);
    }

    [Fact]
    public async Task The_rest_of_a_cut_turn_is_computed_once_and_before_later_items()
    {
        var indexes = new List<long>();
        var chunks = new List<(CpuChunk Taken, int Computed)>();
        await RunTogetherAsync(
            () => ChunkJob.OfItems(
                200, 1,
                index =>
                {
                    indexes.Add(index);
                    Compute('a', 1);
                },
                size: 50,
                note: (taken, computed) => chunks.Add((taken, computed))),
            () => ChunkJob.OfItems(200, 1, _ => Compute('b', 1)));

        Assert.Equal(Enumerable.Range(0, 200).Select(static index => (long)index), indexes);
        Assert.Contains(chunks, static chunk => chunk.Computed < chunk.Taken.Count);
        Assert.Equal(200, chunks.Sum(static chunk => chunk.Computed));
    }

    [Fact]
    public async Task A_turn_is_not_cut_without_waiting_requests()
    {
        var chunks = new List<int>();
        await Create().ComputeAsync(
            ChunkJob.OfItems(3_000, 1, _ => Compute('a', 1), size: 1_000, note: (_, computed) => chunks.Add(computed)),
            CancellationToken.None).WaitAsync(Patience);

        Assert.Equal([1_000, 1_000, 1_000], chunks);
    }

    [Fact]
    public async Task A_turn_is_not_cut_for_the_same_request()
    {
        var scheduler = Create();
        var share = new CpuShare();
        var chunks = new List<int>();
        Task? other = null;
        await scheduler.ComputeAsync(WithShare(share, () => ChunkJob.OfItems(
            100, 1,
            index =>
            {
                Compute('a', 1);
                other ??= scheduler.ComputeAsync(WithShare(share, () => Call('b', 1)), CancellationToken.None);
            },
            note: (_, computed) => chunks.Add(computed))), CancellationToken.None).WaitAsync(Patience);
        await other!.WaitAsync(Patience);

        Assert.Equal([100], chunks);
    }

    [Fact]
    public async Task In_steady_contention_a_turn_lasts_five_milliseconds()
    {
        var turns = new List<int>();
        await RunTogetherAsync([
            .. "abc".Select(name => (Func<CpuJob>)(() => ChunkJob.OfItems(1_000, 1, _ => Compute(name, 0.5), note: (_, computed) => turns.Add(computed)))),
        ]);

        // All but the very last of each, when it is alone.
        Assert.All(turns.SkipLast(3), static computed => Assert.Equal(10, computed));
        Assert.InRange(turns.Count, 290, 300);
    }

    [Fact]
    public async Task A_turn_that_was_cut_for_a_request_with_another_thread_continues()
    {
        var scheduler = Create(threads: 2);
        using var other = new ManualResetEventSlim();
        using var both = new CountdownEvent(2);
        using var resumed = new ManualResetEventSlim();
        var chunks = new List<int>();
        var first = scheduler.ComputeAsync(
            ChunkJob.OfItems(100, 1, index => Enter(index, _gate), note: (_, computed) => chunks.Add(computed)), CancellationToken.None);
        var second = scheduler.ComputeAsync(
            ChunkJob.OfItems(2, 1, index =>
            {
                if (index == 0)
                {
                    Enter(index, other);
                }
                else
                {
                    resumed.Set();
                    _gate.Wait(Patience);
                }
            }),
            CancellationToken.None);
        Assert.True(both.Wait(Patience));
        _time.Advance(TimeSpan.FromMilliseconds(20));
        var small = scheduler.ComputeAsync(static _ => 0, CancellationToken.None);
        other.Set();
        await small.WaitAsync(Patience);

        // Now the second is back on its thread, and nobody waits.
        Assert.True(resumed.Wait(Patience));
        _gate.Set();
        await Task.WhenAll(first, second).WaitAsync(Patience);

        Assert.Equal([100], chunks);

        void Enter(long index, ManualResetEventSlim until)
        {
            if (index == 0)
            {
                both.Signal();
                until.Wait(Patience);
            }
        }
    }

    /// <summary>Between two chunks a job with one worker has nothing that runs; but it has not been away.</summary>
    [Fact]
    public async Task A_share_with_one_worker_does_not_cut_the_turns_of_others_with_each_chunk()
    {
        var scheduler = Create(threads: 2);
        using var started = new ManualResetEventSlim();
        CpuTurn? turn = null;
        var huge = scheduler.ComputeAsync(new ChunkJob(1, 1, (_, its) =>
        {
            turn = its;
            started.Set();
            _gate.Wait(Patience);
            return 1;
        }), CancellationToken.None);
        Assert.True(started.Wait(Patience));
        _time.Advance(TimeSpan.FromMilliseconds(100));
        var over = 0;
        await scheduler.ComputeAsync(new ChunkJob(100, 1, _ =>
        {
            over += turn!.IsOver ? 1 : 0;
            _time.Advance(TimeSpan.FromMilliseconds(0.1));
        }), CancellationToken.None).WaitAsync(Patience);
        _gate.Set();
        await huge.WaitAsync(Patience);

        Assert.Equal(0, over);
    }

    [Fact]
    public async Task A_new_share_cuts_one_turn_and_no_more()
    {
        var scheduler = Create(threads: 2);
        var turns = new CpuTurn?[2];
        using var both = new CountdownEvent(2);
        var huge = scheduler.ComputeAsync(new ChunkJob(2, 2, (chunk, turn) =>
        {
            turns[chunk.Worker] = turn;
            both.Signal();
            _gate.Wait(Patience);
            return 1;
        }), CancellationToken.None);
        Assert.True(both.Wait(Patience));
        _time.Advance(TimeSpan.FromMilliseconds(3));
        var small = scheduler.ComputeAsync(static _ => 0, CancellationToken.None);
        var cut = turns.Count(static turn => turn!.IsOver);
        var another = scheduler.ComputeAsync(static _ => 0, CancellationToken.None);
        var both2 = turns.Count(static turn => turn!.IsOver);
        _gate.Set();
        await Task.WhenAll(huge, small, another).WaitAsync(Patience);

        Assert.Equal((1, 2), (cut, both2));
    }

    [Fact]
    public async Task Workers_cap_a_job_even_when_threads_are_idle()
    {
        var scheduler = Create(threads: 4);
        var (running, most) = (0, 0);
        await scheduler.ComputeAsync(ChunkJob.OfItems(400, 1, _ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            Thread.Yield();
            Interlocked.Decrement(ref running);
        }, size: 3), CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(1, most);
    }

    private static T WithShare<T>(CpuShare share, Func<T> create)
    {
        var before = CurrentShare.Value;
        try
        {
            CurrentShare.Value = share;
            return create();
        }
        finally
        {
            CurrentShare.Value = before;
        }
    }

    private CpuScheduler Create(int threads = 1)
    {
        var scheduler = new CpuScheduler(Options.Create(new CpuOptions { Threads = threads }), _time);
        _schedulers.Add(scheduler);
        return scheduler;
    }

    private void Compute(char name, double milliseconds)
    {
        _time.Advance(TimeSpan.FromMilliseconds(milliseconds));
        _order.Add((name, milliseconds));
    }

    private ChunkJob Call(char name, double milliseconds) => new(1, 1, _ => Compute(name, milliseconds));

    private string Names() => string.Concat(_order.Select(static item => item.Name));

    private Task RunTogetherAsync(params Func<CpuJob>[] jobs) => RunTogetherAsync(Create(), jobs);

    /// <summary>Runs jobs that are all there before any of them is computed.</summary>
    private async Task RunTogetherAsync(CpuScheduler scheduler, Func<CpuJob>[] jobs)
    {
        var hold = scheduler.ComputeAsync(_ => _gate.Wait(Patience, CancellationToken.None), CancellationToken.None);
        Task[] all = [hold, .. jobs.Select(job => scheduler.ComputeAsync(job(), CancellationToken.None))];
        _gate.Set();
        await Task.WhenAll(all).WaitAsync(Patience);
    }

    /// <summary>While both are there, a has had as much as b.</summary>
    private void EnsureTogether(double within)
    {
        var (a, b) = (0.0, 0.0);
        var both = Math.Min(_order.FindLastIndex(static item => item.Name == 'a'), _order.FindLastIndex(static item => item.Name == 'b'));
        Assert.True(both > _order.Count / 2);
        foreach (var (name, milliseconds) in _order.Take(both))
        {
            (a, b) = name == 'a' ? (a + milliseconds, b) : (a, b + milliseconds);
            Assert.InRange(a - b, -within, within);
        }
    }
}
