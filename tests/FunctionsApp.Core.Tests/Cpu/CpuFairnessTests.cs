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
    public async Task A_share_with_long_portions_gets_no_more_time_than_one_with_short_ones(double longMs, double shortMs)
    {
        await RunTogetherAsync(
            () => new PortionJob((int)(500 / longMs), 1, _ => Compute('a', longMs)),
            () => new PortionJob((int)(500 / shortMs), 1, _ => Compute('b', shortMs)));

        EnsureTogether(1, 1, within: longMs + shortMs);
    }

    [Fact]
    public async Task A_share_with_huge_portions_gets_no_more_time_than_one_with_short_ones()
    {
        await RunTogetherAsync(
            () => PortionJob.OfItems(5_000, 1, _ => Compute('a', 0.1)),
            () => new PortionJob(500, 1, _ => Compute('b', 1)));

        EnsureTogether(1, 1, within: 7);
    }

    [Fact]
    public async Task A_share_of_a_quarter_of_the_weight_gets_a_quarter_of_the_time()
    {
        await RunTogetherAsync(
            () => WithShare(new CpuShare(0.25), () => PortionJob.OfItems(200, 1, _ => Compute('a', 1))),
            () => WithShare(new CpuShare(1), () => PortionJob.OfItems(800, 1, _ => Compute('b', 1))));

        EnsureTogether(0.25, 1, within: 30);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public async Task A_request_with_many_jobs_gets_no_more_time_than_one_with_one(double milliseconds)
    {
        var many = new CpuShare();
        await RunTogetherAsync([
            .. Enumerable.Range(0, (int)(400 / milliseconds)).Select(_ => (Func<CpuJob>)(() => WithShare(many, () => new PortionJob(1, 1, _ => Compute('a', milliseconds))))),
            () => PortionJob.OfItems(400, 1, _ => Compute('b', 1)),
        ]);

        EnsureTogether(1, 1, within: milliseconds + 6);
    }

    [Fact]
    public async Task A_new_share_is_served_before_the_rest_of_a_huge_one()
    {
        var scheduler = Create();
        Task? small = null;
        await scheduler.RunAsync(PortionJob.OfItems(1_000, 1, index =>
        {
            Compute('a', 1);
            if (index == 99)
            {
                small = scheduler.RunAsync(Call('b', 1), CancellationToken.None);
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
            () => PortionJob.OfItems(1_000, 1, index =>
            {
                Compute('a', 1);
                if (index == 502)
                {
                    small = scheduler.RunAsync(Call('x', 1), CancellationToken.None);
                }
            }),
            () => PortionJob.OfItems(1_000, 1, _ => Compute('b', 1)),
            () => new PortionJob(1_000, 1, _ => Compute('c', 1)),
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
            () => PortionJob.OfItems(1_000, 1, _ => Compute('h', 1)),
            () => Next(),
            () => Next(),
            () => Next(),
        ]);
        await last.Task.WaitAsync(Patience);

        // Three others are there at any time.
        var huge = Names()[..1_000].Count(static name => name == 'h');
        Assert.InRange(huge, 200, 300);

        PortionJob Next() => new(1, 1, portion =>
        {
            Compute('n', 1);
            if (++came < 2_000)
            {
                _ = scheduler.RunAsync(Next(), CancellationToken.None);
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
        await scheduler.RunAsync(WithShare(share, () => new PortionJob(1, 1, _ => Compute('a', 1))), CancellationToken.None).WaitAsync(Patience);
        Task? back = null;
        await scheduler.RunAsync(PortionJob.OfItems(2_000, 1, index =>
        {
            Compute('b', 1);
            if (index == 999)
            {
                back = scheduler.RunAsync(WithShare(share, () => PortionJob.OfItems(500, 1, _ => Compute('a', 1))), CancellationToken.None);
            }
        }), CancellationToken.None).WaitAsync(Patience);
        await back!.WaitAsync(Patience);

        // From when it is back, a turn ahead and then half each.
        Assert.InRange(Names()[1_001..1_501].Count(static name => name == 'a'), 245, 260);
    }

    /// <summary>One call of a share of weight 10 runs for long, on one thread, and uses little for its weight; then the share has many calls.</summary>
    [Fact]
    public async Task Time_that_a_share_could_not_use_for_lack_of_workers_is_saved_up_for_at_most_a_second()
    {
        var scheduler = Create(threads: 2);
        var share = new CpuShare(weight: 10);
        using var started = new ManualResetEventSlim();
        var hold = scheduler.RunAsync(WithShare(share, () => new PortionJob(1, 1, _ =>
        {
            started.Set();
            _gate.Wait(Patience);
        })), CancellationToken.None);
        Assert.True(started.Wait(Patience));
        List<Task> calls = [];
        await scheduler.RunAsync(new PortionJob(101, 1, portion =>
        {
            Compute('b', 100);
            for (var i = 0; portion.From == 99 && i < 400; i++)
            {
                calls.Add(scheduler.RunAsync(WithShare(share, () => new PortionJob(1, 1, _ => Compute('a', 100))), CancellationToken.None));
            }
        }), CancellationToken.None).WaitAsync(Patience);
        _gate.Set();
        await Task.WhenAll([hold, .. calls]).WaitAsync(Patience);

        // What was left to compute of b began after these: at ten times the weight, they make up for a second within ten, of which the call that is held uses half.
        Assert.InRange(Names().LastIndexOf('b') - 100, 1, 120);
    }

    [Fact]
    public async Task The_rest_of_a_cut_turn_is_computed_once_and_before_later_items()
    {
        var indexes = new List<long>();
        var portions = new List<(Portion Taken, int Computed)>();
        await RunTogetherAsync(
            () => PortionJob.OfItems(
                200, 1,
                index =>
                {
                    indexes.Add(index);
                    Compute('a', 1);
                },
                portion: 50,
                note: (taken, computed) => portions.Add((taken, computed))),
            () => PortionJob.OfItems(200, 1, _ => Compute('b', 1)));

        Assert.Equal(Enumerable.Range(0, 200).Select(static index => (long)index), indexes);
        Assert.Contains(portions, static portion => portion.Computed < portion.Taken.Count);
        Assert.Equal(200, portions.Sum(static portion => portion.Computed));
    }

    [Fact]
    public async Task A_turn_is_not_cut_without_waiting_requests()
    {
        var portions = new List<int>();
        await Create().RunAsync(
            PortionJob.OfItems(3_000, 1, _ => Compute('a', 1), portion: 1_000, note: (_, computed) => portions.Add(computed)),
            CancellationToken.None).WaitAsync(Patience);

        Assert.Equal([1_000, 1_000, 1_000], portions);
    }

    [Fact]
    public async Task A_turn_is_not_cut_for_the_same_request()
    {
        var scheduler = Create();
        var share = new CpuShare();
        var portions = new List<int>();
        Task? other = null;
        await scheduler.RunAsync(WithShare(share, () => PortionJob.OfItems(
            100, 1,
            index =>
            {
                Compute('a', 1);
                other ??= scheduler.RunAsync(WithShare(share, () => Call('b', 1)), CancellationToken.None);
            },
            note: (_, computed) => portions.Add(computed))), CancellationToken.None).WaitAsync(Patience);
        await other!.WaitAsync(Patience);

        Assert.Equal([100], portions);
    }

    [Fact]
    public async Task In_steady_contention_a_turn_lasts_five_milliseconds()
    {
        var turns = new List<int>();
        await RunTogetherAsync([
            .. "abc".Select(name => (Func<CpuJob>)(() => PortionJob.OfItems(1_000, 1, _ => Compute(name, 0.5), note: (_, computed) => turns.Add(computed)))),
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
        var portions = new List<int>();
        var first = scheduler.RunAsync(
            PortionJob.OfItems(100, 1, index => Enter(index, _gate), note: (_, computed) => portions.Add(computed)), CancellationToken.None);
        var second = scheduler.RunAsync(
            PortionJob.OfItems(2, 1, index =>
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
        var small = scheduler.RunAsync(static _ => 0, CancellationToken.None);
        other.Set();
        await small.WaitAsync(Patience);

        // Now the second is back on its thread, and nobody waits.
        Assert.True(resumed.Wait(Patience));
        _gate.Set();
        await Task.WhenAll(first, second).WaitAsync(Patience);

        Assert.Equal([100], portions);

        void Enter(long index, ManualResetEventSlim until)
        {
            if (index == 0)
            {
                both.Signal();
                until.Wait(Patience);
            }
        }
    }

    /// <summary>Between two portions a job with one worker has nothing that runs; but it has not been away.</summary>
    [Fact]
    public async Task A_share_with_one_worker_does_not_cut_the_turns_of_others_with_each_portion()
    {
        var scheduler = Create(threads: 2);
        using var started = new ManualResetEventSlim();
        CpuTurn? turn = null;
        var huge = scheduler.RunAsync(new PortionJob(1, 1, (_, its) =>
        {
            turn = its;
            started.Set();
            _gate.Wait(Patience);
            return 1;
        }), CancellationToken.None);
        Assert.True(started.Wait(Patience));
        _time.Advance(TimeSpan.FromMilliseconds(100));
        var over = 0;
        await scheduler.RunAsync(new PortionJob(100, 1, _ =>
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
        var huge = scheduler.RunAsync(new PortionJob(2, 2, (portion, turn) =>
        {
            turns[portion.Worker] = turn;
            both.Signal();
            _gate.Wait(Patience);
            return 1;
        }), CancellationToken.None);
        Assert.True(both.Wait(Patience));
        _time.Advance(TimeSpan.FromMilliseconds(3));
        var small = scheduler.RunAsync(static _ => 0, CancellationToken.None);
        var cut = turns.Count(static turn => turn!.IsOver);
        var another = scheduler.RunAsync(static _ => 0, CancellationToken.None);
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
        await scheduler.RunAsync(PortionJob.OfItems(400, 1, _ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            Thread.Yield();
            Interlocked.Decrement(ref running);
        }, portion: 3), CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(1, most);
    }

    private static T WithShare<T>(CpuShare share, Func<T> create)
    {
        var before = CpuShare.Current;
        try
        {
            CpuShare.Current = share;
            return create();
        }
        finally
        {
            CpuShare.Current = before;
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

    private PortionJob Call(char name, double milliseconds) => new(1, 1, _ => Compute(name, milliseconds));

    private string Names() => string.Concat(_order.Select(static item => item.Name));

    private Task RunTogetherAsync(params Func<CpuJob>[] jobs) => RunTogetherAsync(Create(), jobs);

    /// <summary>Runs jobs that are all there before any of them is computed.</summary>
    private async Task RunTogetherAsync(CpuScheduler scheduler, Func<CpuJob>[] jobs)
    {
        var hold = scheduler.RunAsync(_ => _gate.Wait(Patience, CancellationToken.None), CancellationToken.None);
        Task[] all = [hold, .. jobs.Select(job => scheduler.RunAsync(job(), CancellationToken.None))];
        _gate.Set();
        await Task.WhenAll(all).WaitAsync(Patience);
    }

    /// <summary>While both are there, a has had as much as b, by their weights.</summary>
    private void EnsureTogether(double weightA, double weightB, double within)
    {
        var (a, b) = (0.0, 0.0);
        var both = Math.Min(_order.FindLastIndex(static item => item.Name == 'a'), _order.FindLastIndex(static item => item.Name == 'b'));
        Assert.True(both > _order.Count / 2);
        foreach (var (name, milliseconds) in _order.Take(both))
        {
            (a, b) = name == 'a' ? (a + milliseconds, b) : (a, b + milliseconds);
            Assert.InRange((a / weightA) - (b / weightB), -within, within);
        }
    }
}
