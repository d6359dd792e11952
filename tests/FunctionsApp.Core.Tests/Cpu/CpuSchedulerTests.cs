using System.Collections.Concurrent;
using System.Diagnostics;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Cpu;

public sealed class CpuSchedulerTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider _time = new();
    private readonly List<CpuScheduler> _schedulers = [];
    private readonly ManualResetEventSlim _gate = new();

    public void Dispose()
    {
        _gate.Set();
        _schedulers.ForEach(static scheduler => scheduler.Dispose());
    }

    [Fact]
    public async Task A_result_is_computed() => Assert.Equal(42, await Create().RunAsync(static _ => 42, CancellationToken.None).WaitAsync(Patience));

    [Fact]
    public async Task Computing_has_threads_of_its_own() =>
        Assert.Equal("cpu-0", await Create().RunAsync(static _ => Thread.CurrentThread.Name, CancellationToken.None).WaitAsync(Patience));

    [Fact]
    public async Task Who_awaits_a_result_does_not_go_on_on_a_thread_that_computes()
    {
        var scheduler = Create();
        var call = scheduler.RunAsync(Hold, CancellationToken.None);
        var continued = call.ContinueWith(
            static _ => Thread.CurrentThread.Name, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        _gate.Set();

        Assert.False((await continued.WaitAsync(Patience))?.StartsWith("cpu-", StringComparison.Ordinal) ?? false);
    }

    [Fact]
    public async Task An_exception_of_the_computation_reaches_the_caller()
    {
        var failure = await Assert.ThrowsAsync<InvalidDataException>(
            () => Create().RunAsync<int>(static _ => throw new InvalidDataException("broken"), CancellationToken.None).WaitAsync(Patience));

        Assert.Equal("broken", failure.Message);
    }

    [Fact]
    public async Task A_thread_survives_the_exception_of_a_computation()
    {
        var scheduler = Create();
        await Assert.ThrowsAsync<InvalidDataException>(
            () => scheduler.RunAsync<int>(static _ => throw new InvalidDataException("broken"), CancellationToken.None).WaitAsync(Patience));

        Assert.Equal(42, await scheduler.RunAsync(static _ => 42, CancellationToken.None).WaitAsync(Patience));
    }

    [Fact]
    public async Task All_threads_compute_one_job_at_once()
    {
        using var barrier = new Barrier(4);
        var met = new ConcurrentBag<bool>();

        await Create(threads: 4).RunAsync(new PortionJob(4, 4, _ => met.Add(barrier.SignalAndWait(Patience))), CancellationToken.None).WaitAsync(Patience);

        Assert.Equal([true, true, true, true], met);
    }

    [Fact]
    public async Task All_threads_that_have_been_idle_wake_for_the_next_job()
    {
        using var barrier = new Barrier(4);
        var met = new ConcurrentBag<bool>();
        var scheduler = Create(threads: 4);
        await scheduler.RunAsync(new PortionJob(4, 4, _ => met.Add(barrier.SignalAndWait(Patience))), CancellationToken.None).WaitAsync(Patience);

        await scheduler.RunAsync(new PortionJob(4, 4, _ => met.Add(barrier.SignalAndWait(Patience))), CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(8, met.Count(static reached => reached));
    }

    [Fact]
    public async Task A_job_never_has_more_portions_at_once_than_workers()
    {
        using var barrier = new Barrier(2);
        var (running, most) = (0, 0);
        var gate = new Lock();
        var job = new PortionJob(200, 2, portion =>
        {
            lock (gate)
            {
                most = Math.Max(most, ++running);
            }

            // The first two portions meet, so that both workers are in use at least once.
            _ = portion.From >= 2 || barrier.SignalAndWait(Patience);
            Thread.Yield();
            lock (gate)
            {
                running--;
            }
        });

        await Create(threads: 4).RunAsync(job, CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(2, most);
    }

    [Fact]
    public async Task No_two_portions_have_one_worker_at_once()
    {
        var inUse = new int[3];
        var clashes = 0;
        var job = new PortionJob(300, 3, portion =>
        {
            if (Interlocked.Increment(ref inUse[portion.Worker]) > 1)
            {
                Interlocked.Increment(ref clashes);
            }

            Thread.Yield();
            Interlocked.Decrement(ref inUse[portion.Worker]);
        });

        await Create(threads: 4).RunAsync(job, CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(0, clashes);
    }

    [Fact]
    public async Task Every_item_is_computed_once()
    {
        var computed = new int[1_000];
        var job = new PortionJob(1_000, 4, portion =>
        {
            for (var i = portion.From; i < portion.From + portion.Count; i++)
            {
                Interlocked.Increment(ref computed[i]);
            }
        }, portion: 7);

        await Create(threads: 4).RunAsync(job, CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(Enumerable.Repeat(1, 1_000), computed);
    }

    [Fact]
    public async Task A_small_job_that_arrives_during_a_huge_one_is_computed_before_it_ends()
    {
        var scheduler = Create();
        var computed = 0;
        using var started = new ManualResetEventSlim();
        var huge = scheduler.RunAsync(new PortionJob(10_000, 1, _ =>
        {
            computed++;
            started.Set();
            _gate.Wait(Patience);
        }), CancellationToken.None);
        Assert.True(started.Wait(Patience));

        var small = scheduler.RunAsync(_ => computed, CancellationToken.None);
        _gate.Set();
        await huge.WaitAsync(Patience);

        // At most the portion that ran when it arrived, and the one that stood before it.
        Assert.InRange(await small.WaitAsync(Patience), 1, 2);
    }

    [Fact]
    public async Task Jobs_that_wait_together_take_turns()
    {
        var scheduler = Create();
        var order = new List<char>();
        var hold = scheduler.RunAsync(Hold, CancellationToken.None);
        Task[] jobs = [.. "abc".Select(name => scheduler.RunAsync(new PortionJob(3, 1, _ => order.Add(name)), CancellationToken.None))];
        _gate.Set();
        await Task.WhenAll([hold, .. jobs]).WaitAsync(Patience);

        Assert.Equal("abcabcabc", string.Concat(order));
    }

    [Fact]
    public async Task A_failure_leaves_the_rest_of_its_job_uncomputed()
    {
        var computed = 0;
        var job = new PortionJob(100, 1, _ => computed += computed == 2 ? throw new InvalidDataException("broken") : 1);

        await Assert.ThrowsAsync<InvalidDataException>(() => Create().RunAsync(job, CancellationToken.None).WaitAsync(Patience));

        Assert.Equal(2, computed);
    }

    [Fact]
    public async Task A_failed_job_ends_only_when_all_that_ran_of_it_has_ended()
    {
        var scheduler = Create(threads: 2);
        using var both = new Barrier(2);
        var ended = false;
        var job = scheduler.RunAsync(new PortionJob(2, 2, portion =>
        {
            both.SignalAndWait(Patience);
            if (portion.Worker == 0)
            {
                throw new InvalidDataException("broken");
            }

            _gate.Wait(Patience);
            ended = true;
        }), CancellationToken.None);

        // The thread of the failed portion is free for this, while the other portion runs.
        await scheduler.RunAsync(static _ => 0, CancellationToken.None).WaitAsync(Patience);
        var early = job.IsCompleted;
        _gate.Set();
        await Assert.ThrowsAsync<InvalidDataException>(() => job.WaitAsync(Patience));

        Assert.Equal((false, true), (early, ended));
    }

    [Fact]
    public async Task A_job_without_items_is_done_at_once()
    {
        var job = new PortionJob(0, 1, static _ => throw new InvalidDataException("computed"));

        await Create().RunAsync(job, CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(0, job.Waiting);
    }

    [Fact]
    public async Task What_is_cancelled_already_is_not_computed()
    {
        var computed = false;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Create().RunAsync(_ => computed = true, new CancellationToken(canceled: true)).WaitAsync(Patience));

        Assert.False(computed);
    }

    [Fact]
    public async Task What_waits_is_cancelled_without_waiting_for_a_thread()
    {
        var scheduler = Create();
        using var source = new CancellationTokenSource();
        var hold = scheduler.RunAsync(Hold, CancellationToken.None);
        var waiting = scheduler.RunAsync(static _ => 1, source.Token);
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));

        Assert.False(hold.IsCompleted);
    }

    [Fact]
    public async Task What_was_cancelled_while_it_waited_is_never_computed()
    {
        var scheduler = Create();
        using var source = new CancellationTokenSource();
        var computed = false;
        var hold = scheduler.RunAsync(Hold, CancellationToken.None);
        var waiting = scheduler.RunAsync(_ => computed = true, source.Token);
        await source.CancelAsync();
        _gate.Set();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));
        await hold.WaitAsync(Patience);
        await scheduler.RunAsync(static _ => 0, CancellationToken.None).WaitAsync(Patience);

        Assert.False(computed);
    }

    [Fact]
    public async Task A_computation_sees_its_cancellation_and_its_thread_is_free_again()
    {
        var scheduler = Create();
        using var source = new CancellationTokenSource();
        using var started = new ManualResetEventSlim();
        var call = scheduler.RunAsync(
            token =>
            {
                started.Set();
                return WaitHandle.WaitAny([token.WaitHandle], Patience) == 0 ? throw new OperationCanceledException(token) : 0;
            },
            source.Token);
        Assert.True(started.Wait(Patience));
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(Patience));

        Assert.Equal(42, await scheduler.RunAsync(static _ => 42, CancellationToken.None).WaitAsync(Patience));
    }

    [Fact]
    public async Task Cancellation_drops_what_is_not_running_and_waits_for_what_is()
    {
        var scheduler = Create();
        using var source = new CancellationTokenSource();
        using var started = new ManualResetEventSlim();
        var computed = 0;
        var job = scheduler.RunAsync(new PortionJob(1_000, 1, _ =>
        {
            computed++;
            started.Set();
            _gate.Wait(Patience);
        }), source.Token);
        Assert.True(started.Wait(Patience));
        await source.CancelAsync();
        var early = job.IsCompleted;
        _gate.Set();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => job.WaitAsync(Patience));

        Assert.Equal((false, 1), (early, computed));
    }

    [Fact]
    public async Task One_job_is_admitted_when_nothing_waits_however_large_it_is()
    {
        var computed = 0;

        await Create(maxQueuedItems: 2).RunAsync(new PortionJob(50, 1, _ => computed++), CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(50, computed);
    }

    [Fact]
    public async Task As_many_items_may_wait_as_the_limit_says()
    {
        var scheduler = Create(maxQueuedItems: 3);
        var (hold, _) = await OccupyAsync(scheduler);
        var first = scheduler.RunAsync(new PortionJob(2, 1, static _ => { }), CancellationToken.None);
        var second = scheduler.RunAsync(static _ => 42, CancellationToken.None);
        _gate.Set();
        await Task.WhenAll(hold, first).WaitAsync(Patience);

        Assert.Equal(42, await second.WaitAsync(Patience));
    }

    [Fact]
    public async Task One_item_more_is_refused_as_saturated()
    {
        var scheduler = Create(maxQueuedItems: 3);
        await OccupyAsync(scheduler);
        _ = scheduler.RunAsync(new PortionJob(3, 1, static _ => { }), CancellationToken.None);

        var problem = (await Assert.ThrowsAsync<ProblemException>(() => scheduler.RunAsync(static _ => 42, CancellationToken.None))).Problem;

        Assert.Equal(
            ("/problems/saturated", 429, 1, "3 items wait for the CPU; with 1 more there would be over 3 (Cpu:MaxQueuedItems)."),
            (problem.Type, problem.Status, problem.RetryAfterSeconds, problem.Detail));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_background_share_waits_for_room(bool isCancelled)
    {
        var scheduler = Create(maxQueuedItems: 3);
        var occupied = await OccupyAsync(scheduler);
        var waiting = scheduler.RunAsync(new PortionJob(3, 1, static _ => { }), CancellationToken.None);
        using var client = new CancellationTokenSource();
        CpuShare.Current = new CpuShare(0.25);
        var call = scheduler.RunAsync(static _ => 42, client.Token);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((false, 1), (call.IsCompleted, _time.Timers));

        if (isCancelled)
        {
            await client.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(Patience));
            Assert.Equal(0, _time.Timers);
        }

        _gate.Set();
        await Task.WhenAll(occupied.Call, waiting).WaitAsync(Patience);
        if (!isCancelled)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(42, await call.WaitAsync(Patience));
        }
    }

    [Theory]
    [InlineData(2, false)]
    [InlineData(3, true)]
    public async Task Room_can_be_asked_for_ahead(int waiting, bool refused)
    {
        var scheduler = Create(maxQueuedItems: 3);
        await OccupyAsync(scheduler);
        _ = scheduler.RunAsync(new PortionJob(waiting, 1, static _ => { }), CancellationToken.None);

        Assert.Equal(refused, Record.Exception(scheduler.EnsureRoom) is ProblemException);
    }

    [Theory]
    [InlineData(10.0, 1, 3, 10)]
    [InlineData(10.0, 2, 3, 5)]
    [InlineData(0.7, 1, 3, 1)]
    [InlineData(1.2, 1, 3, 2)]
    [InlineData(0.001, 1, 3, 1)]
    [InlineData(100.0, 1, 3, 100)]
    [InlineData(10_000.0, 1, 3, 3_600)]
    public async Task When_to_come_back_is_when_enough_will_have_been_taken(double secondsPerItem, int threads, int waiting, int retryAfter)
    {
        var scheduler = Create(threads, maxQueuedItems: waiting);
        await scheduler.RunAsync(
            _ =>
            {
                _time.Advance(TimeSpan.FromSeconds(secondsPerItem));
                return 0;
            },
            CancellationToken.None).WaitAsync(Patience);
        for (var i = 0; i < threads; i++)
        {
            await OccupyAsync(scheduler);
        }

        _ = scheduler.RunAsync(new PortionJob(waiting, 1, static _ => { }), CancellationToken.None);

        Assert.Equal(retryAfter, Assert.Throws<ProblemException>(scheduler.EnsureRoom).Problem.RetryAfterSeconds);
    }

    [Fact]
    public async Task A_job_without_items_is_not_refused()
    {
        var scheduler = Create(maxQueuedItems: 1);
        await OccupyAsync(scheduler);
        _ = scheduler.RunAsync(static _ => 0, CancellationToken.None);

        Assert.Null(await Record.ExceptionAsync(() => scheduler.RunAsync(new PortionJob(0, 1, static _ => { }), CancellationToken.None)));
    }

    [Fact]
    public async Task What_is_cancelled_makes_room()
    {
        var scheduler = Create(maxQueuedItems: 3);
        await OccupyAsync(scheduler);
        using var source = new CancellationTokenSource();
        var waiting = scheduler.RunAsync(new PortionJob(3, 1, static _ => { }), source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));

        Assert.Null(Record.Exception(scheduler.EnsureRoom));
    }

    [Fact]
    public async Task What_a_failure_leaves_uncomputed_makes_room()
    {
        var scheduler = Create(maxQueuedItems: 3);
        await Assert.ThrowsAsync<InvalidDataException>(
            () => scheduler.RunAsync(new PortionJob(1_000, 1, static _ => throw new InvalidDataException("broken")), CancellationToken.None).WaitAsync(Patience));
        await OccupyAsync(scheduler);
        _ = scheduler.RunAsync(new PortionJob(2, 1, static _ => { }), CancellationToken.None);

        Assert.Null(Record.Exception(scheduler.EnsureRoom));
    }

    [Fact]
    public async Task When_to_come_back_is_told_by_the_speed_of_each_job()
    {
        var scheduler = Create(maxQueuedItems: 15);
        using var started = new ManualResetEventSlim();
        using var both = new ManualResetEventSlim();
        _ = scheduler.RunAsync(
            _ =>
            {
                started.Set();
                return both.Wait(Patience, CancellationToken.None);
            },
            CancellationToken.None);

        // While it waits for a thread there is no room for the two others.
        Assert.True(started.Wait(Patience));
        Task[] jobs = [.. new[] { (Items: 4, Seconds: 10.0), (Items: 11, Seconds: 1.0) }.Select(job => scheduler.RunAsync(new PortionJob(job.Items, 1, portion =>
        {
            if (portion.From > 0)
            {
                _gate.Wait(Patience);
            }

            _time.Advance(TimeSpan.FromSeconds(job.Seconds));
        }), CancellationToken.None))];
        both.Set();
        Assert.True(SpinWait.SpinUntil(() => _time.GetTimestamp() == TimeSpan.FromSeconds(11).Ticks, Patience));

        // Of the quick one an item is held now, as it has used less: 3 of 10 s and 9 of 1 s wait.
        var problem = (await Assert.ThrowsAsync<ProblemException>(
            () => scheduler.RunAsync(new PortionJob(15, 1, static _ => { }), CancellationToken.None))).Problem;
        _gate.Set();
        await Task.WhenAll(jobs).WaitAsync(Patience);

        Assert.Equal(39, problem.RetryAfterSeconds);
    }

    [Fact]
    public async Task An_open_job_without_items_ends_when_it_is_closed()
    {
        var scheduler = Create();
        var job = PortionJob.OfItems(0, 1, static _ => throw new InvalidDataException("computed"), isOpen: true);
        var run = scheduler.RunAsync(job, CancellationToken.None);
        var before = run.IsCompleted;
        scheduler.Close(job);
        await run.WaitAsync(Patience);

        Assert.False(before);
    }

    [Fact]
    public async Task An_open_job_computes_what_is_added_and_ends_when_it_is_closed()
    {
        var scheduler = Create(threads: 2);
        var computed = new ConcurrentQueue<long>();
        var job = PortionJob.OfItems(0, 2, computed.Enqueue, isOpen: true);
        var run = scheduler.RunAsync(job, CancellationToken.None);
        for (var i = 0; i < 100; i++)
        {
            scheduler.Update(job, items: i % 3);
        }

        var before = run.IsCompleted;
        scheduler.Close(job);
        await run.WaitAsync(Patience);

        Assert.False(before);
        Assert.Equal(Enumerable.Range(0, 99).Select(static index => (long)index), computed.Order());
    }

    [Fact]
    public async Task An_open_job_that_is_closed_while_its_last_items_run_ends_with_them()
    {
        var scheduler = Create();
        using var started = new ManualResetEventSlim();
        var job = PortionJob.OfItems(0, 1, _ =>
        {
            started.Set();
            _gate.Wait(Patience);
        }, isOpen: true);
        var run = scheduler.RunAsync(job, CancellationToken.None);
        scheduler.Update(job, items: 2);
        Assert.True(started.Wait(Patience));
        scheduler.Close(job);
        var before = run.IsCompleted;
        _gate.Set();
        await run.WaitAsync(Patience);

        Assert.False(before);
    }

    [Fact]
    public async Task Items_that_are_added_after_a_cancellation_do_not_count_as_waiting()
    {
        var scheduler = Create(maxQueuedItems: 3);
        using var source = new CancellationTokenSource();
        await OccupyAsync(scheduler);
        var job = PortionJob.OfItems(2, 1, static _ => { }, isOpen: true);
        var run = scheduler.RunAsync(job, source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Patience));
        scheduler.Update(job, items: 100);
        scheduler.Close(job);
        _ = scheduler.RunAsync(new PortionJob(2, 1, static _ => { }), CancellationToken.None);
        var room = Record.Exception(scheduler.EnsureRoom);
        _ = scheduler.RunAsync(static _ => 0, CancellationToken.None);

        Assert.Null(room);
        Assert.Throws<ProblemException>(scheduler.EnsureRoom);
    }

    [Fact]
    public async Task Items_that_are_added_after_a_failure_do_not_count_as_waiting()
    {
        var scheduler = Create(maxQueuedItems: 3);
        var job = PortionJob.OfItems(2, 1, static _ => throw new InvalidDataException("broken"), isOpen: true);
        await Assert.ThrowsAsync<InvalidDataException>(() => scheduler.RunAsync(job, CancellationToken.None).WaitAsync(Patience));
        await OccupyAsync(scheduler);
        scheduler.Update(job, items: 100);
        _ = scheduler.RunAsync(new PortionJob(2, 1, static _ => { }), CancellationToken.None);

        Assert.Null(Record.Exception(scheduler.EnsureRoom));
    }

    [Fact]
    public async Task Disposing_ends_an_open_job()
    {
        var scheduler = Create();
        var run = scheduler.RunAsync(PortionJob.OfItems(0, 1, static _ => { }, isOpen: true), CancellationToken.None);

        scheduler.Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Patience));
    }

    [Fact]
    public async Task Disposing_ends_a_job_whose_turn_is_cut_afterwards()
    {
        var scheduler = Create();
        using var started = new ManualResetEventSlim();
        var run = scheduler.RunAsync(PortionJob.OfItems(10, 1, _ =>
        {
            started.Set();
            _gate.Wait(Patience);
        }), CancellationToken.None);
        Assert.True(started.Wait(Patience));
        _time.Advance(TimeSpan.FromSeconds(1));
        var waiting = scheduler.RunAsync(static _ => 0, CancellationToken.None);

        scheduler.Dispose();
        _gate.Set();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Patience));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));
    }

    [Fact]
    public async Task Disposing_under_load_ends_every_job()
    {
        var scheduler = Create(threads: 4);
        using var some = new CountdownEvent(500);
        Task[] jobs = [.. Enumerable.Range(0, 400).Select(i => scheduler.RunAsync(PortionJob.OfItems(100, 1 + (i % 4), _ => Note(), portion: 1 + (i % 30), isOpen: i % 7 == 0), CancellationToken.None))];
        Assert.True(some.Wait(Patience));

        scheduler.Dispose();
        await Task.WhenAll(jobs).WaitAsync(Patience).ContinueWith(static _ => { }, TaskScheduler.Default);

        Assert.All(jobs, static job => Assert.True(job.IsCompletedSuccessfully || job.IsCanceled || job.Exception?.InnerException is OperationCanceledException));

        void Note()
        {
            lock (some)
            {
                _ = some.IsSet || some.Signal();
            }
        }
    }

    [Fact]
    public async Task No_job_is_forgotten_however_many_come_from_however_many_threads()
    {
        var scheduler = Create(threads: 4);
        var computed = 0;
        var watch = Stopwatch.StartNew();
        var jobs = 0;
        while (jobs < 20_000 && watch.ElapsedMilliseconds < 1_500)
        {
            // All have to end before the next begin: nobody else wakes a thread for one that was forgotten.
            await Task.WhenAll(Enumerable.Range(0, 1 + (jobs % 7)).Select(i => Task.Run(async () =>
            {
                await scheduler.RunAsync(new PortionJob(1 + i, 1 + (i % 3), _ => Interlocked.Increment(ref computed)), CancellationToken.None);
                Interlocked.Add(ref computed, -1 - i);
                Interlocked.Increment(ref jobs);
            }))).WaitAsync(Patience);
        }

        Assert.Equal(0, computed);
    }

    [Fact]
    public async Task The_trace_of_the_request_goes_on_in_the_computation()
    {
        using var activity = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();

        Assert.Equal(activity.TraceId, await Create().RunAsync(static _ => Activity.Current?.TraceId, CancellationToken.None).WaitAsync(Patience));
    }

    [Fact]
    public async Task The_context_of_one_request_is_not_that_of_the_next()
    {
        var scheduler = Create();
        var local = new AsyncLocal<string>();
        await WithinAsync("first");

        Assert.Null(await scheduler.RunAsync(_ => local.Value, CancellationToken.None).WaitAsync(Patience));

        async Task WithinAsync(string value)
        {
            local.Value = value;
            await scheduler.RunAsync(_ => local.Value = "changed", CancellationToken.None).WaitAsync(Patience);
        }
    }

    [Fact]
    public async Task A_computation_does_not_change_the_context_of_its_request()
    {
        var local = new AsyncLocal<string> { Value = "mine" };
        await Create().RunAsync(_ => local.Value = "changed", CancellationToken.None).WaitAsync(Patience);

        Assert.Equal("mine", local.Value);
    }

    [Fact]
    public async Task Every_portion_has_the_context_of_its_request()
    {
        var local = new AsyncLocal<string> { Value = "mine" };
        var seen = new ConcurrentBag<string?>();
        await Create(threads: 4).RunAsync(new PortionJob(20, 4, _ => seen.Add(local.Value)), CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(Enumerable.Repeat("mine", 20), seen);
    }

    [Fact]
    public async Task Disposing_ends_the_threads()
    {
        var scheduler = Create(threads: 2);
        var thread = await scheduler.RunAsync(static _ => Thread.CurrentThread, CancellationToken.None).WaitAsync(Patience);

        scheduler.Dispose();

        Assert.True(thread.Join(Patience));
    }

    [Fact]
    public async Task Disposing_cancels_what_waits()
    {
        var scheduler = Create();
        await OccupyAsync(scheduler);
        var waiting = scheduler.RunAsync(static _ => 42, CancellationToken.None);

        scheduler.Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));
    }

    [Fact]
    public async Task Disposing_lets_end_what_runs()
    {
        var scheduler = Create();
        var (hold, _) = await OccupyAsync(scheduler);

        scheduler.Dispose();
        _gate.Set();

        Assert.Equal(1, await hold.WaitAsync(Patience));
    }

    /// <summary>With one worker, the job that runs does not stand in the queue: nothing of it could be taken. With two, it does.</summary>
    [Theory]
    [InlineData(1, 2, 1)]
    [InlineData(2, 2, 1)]
    [InlineData(1, 3, 2)]
    public async Task Disposing_ends_a_job_of_which_a_part_runs_and_a_part_waits(int threads, int items, int workers)
    {
        var scheduler = Create(threads);
        using var started = new ManualResetEventSlim();
        var job = scheduler.RunAsync(new PortionJob(items, workers, _ =>
        {
            started.Set();
            _gate.Wait(Patience);
        }), CancellationToken.None);
        Assert.True(started.Wait(Patience));

        scheduler.Dispose();
        _gate.Set();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => job.WaitAsync(Patience));
    }

    [Fact]
    public async Task After_disposing_nothing_is_admitted()
    {
        var scheduler = Create();
        scheduler.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => scheduler.RunAsync(static _ => 42, CancellationToken.None));
    }

    [Fact]
    public void Disposing_twice_does_no_harm()
    {
        var scheduler = Create();
        scheduler.Dispose();

        Assert.Null(Record.Exception(scheduler.Dispose));
    }

    [Fact]
    public async Task Many_jobs_that_end_fail_and_are_cancelled_at_once_all_come_to_an_end()
    {
        var scheduler = Create(threads: 4, maxQueuedItems: 1_000_000);
        var ends = await Task.WhenAll(Enumerable.Range(0, 400).Select(i => Task.Run(() => EndAsync(i)))).WaitAsync(Patience);

        Assert.Equal((400, 100), (ends.Length, ends.Count(static end => string.Equals(end, "failed", StringComparison.Ordinal))));

        async Task<string> EndAsync(int i)
        {
            using var source = new CancellationTokenSource();
            var job = new PortionJob(50, 1 + (i % 3), portion =>
            {
                if (i % 4 == 0 && portion.From == 20)
                {
                    throw new InvalidDataException("broken");
                }

                if (i % 4 == 1 && portion.From >= 30)
                {
                    source.Cancel();
                }
            }, portion: 1 + (i % 5 == 0 ? 1 : 0));
            try
            {
                await scheduler.RunAsync(job, source.Token);
                return "done";
            }
            catch (InvalidDataException)
            {
                return "failed";
            }
            catch (OperationCanceledException)
            {
                return "cancelled";
            }
        }
    }

    [Fact]
    public async Task After_many_jobs_of_every_end_as_many_items_may_wait_as_before()
    {
        var scheduler = Create(threads: 2, maxQueuedItems: 100_000);
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            using var source = new CancellationTokenSource();
            var job = new PortionJob(20, 2, portion =>
            {
                if (portion.From == 5 && i % 3 == 0)
                {
                    throw new InvalidDataException("broken");
                }

                if (portion.From == 5 && i % 3 == 1)
                {
                    source.Cancel();
                }
            });
            await Record.ExceptionAsync(() => scheduler.RunAsync(job, source.Token));
        })).WaitAsync(Patience);
        await OccupyAsync(scheduler);
        await OccupyAsync(scheduler);
        _ = scheduler.RunAsync(new PortionJob(99_999, 1, static _ => { }), CancellationToken.None);
        scheduler.EnsureRoom();
        _ = scheduler.RunAsync(static _ => 0, CancellationToken.None);

        Assert.Throws<ProblemException>(scheduler.EnsureRoom);
    }

    private CpuScheduler Create(int threads = 1, int maxQueuedItems = 2_000_000)
    {
        var scheduler = new CpuScheduler(Options.Create(new CpuOptions { Threads = threads, MaxQueuedItems = maxQueuedItems }), _time);
        _schedulers.Add(scheduler);
        return scheduler;
    }

    private int Hold(CancellationToken cancellationToken) => _gate.Wait(Patience, CancellationToken.None) ? 1 : 0;

    /// <summary>Keeps one thread busy until the gate opens.</summary>
    private async Task<(Task<int> Call, bool Started)> OccupyAsync(CpuScheduler scheduler)
    {
        var started = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var call = scheduler.RunAsync(
            token =>
            {
                started.SetResult(true);
                return Hold(token);
            },
            CancellationToken.None);
        return (call, await started.Task.WaitAsync(Patience));
    }
}
