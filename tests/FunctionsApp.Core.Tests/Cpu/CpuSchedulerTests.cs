using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Cpu;

public sealed class CpuSchedulerTests : CpuTests
{
    [Fact]
    public async Task A_result_is_computed() => Assert.Equal(42, await Create().ComputeAsync(static _ => 42, CancellationToken.None).WaitAsync(Patience));

    [Fact]
    public async Task Computing_has_threads_of_its_own() =>
        Assert.Equal("cpu-0", await Create().ComputeAsync(static _ => Thread.CurrentThread.Name, CancellationToken.None).WaitAsync(Patience));

    [Fact]
    public async Task The_caller_does_not_continue_on_a_CPU_thread()
    {
        var scheduler = Create();
        var call = scheduler.ComputeAsync(Hold, CancellationToken.None);
        var continued = call.ContinueWith(
            static _ => Thread.CurrentThread.Name, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        Gate.Set();

        Assert.False((await continued.WaitAsync(Patience))?.StartsWith("cpu-", StringComparison.Ordinal) ?? false);
    }

    [Fact]
    public async Task An_exception_of_the_computation_reaches_the_caller()
    {
        var failure = await Assert.ThrowsAsync<InvalidDataException>(
            () => Create().ComputeAsync<int>(static _ => throw new InvalidDataException("broken"), CancellationToken.None).WaitAsync(Patience));

        Assert.Equal("broken", failure.Message);
    }

    [Fact]
    public async Task A_thread_survives_the_exception_of_a_computation()
    {
        var scheduler = Create();
        await Assert.ThrowsAsync<InvalidDataException>(
            () => scheduler.ComputeAsync<int>(static _ => throw new InvalidDataException("broken"), CancellationToken.None).WaitAsync(Patience));

        Assert.Equal(42, await scheduler.ComputeAsync(static _ => 42, CancellationToken.None).WaitAsync(Patience));
    }

    [Fact]
    public void A_thread_that_sleeps_keeps_no_job_in_memory()
    {
        var scheduler = Create();
        var result = Compute(scheduler);

        Assert.True(SpinWait.SpinUntil(() => !IsAlive(result), Patience));

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Compute(CpuScheduler scheduler)
        {
            var result = new object();
            scheduler.ComputeAsync(_ => result.GetHashCode(), CancellationToken.None).Wait(Patience);
            return new WeakReference(result);
        }

        static bool IsAlive(WeakReference result)
        {
            GC.Collect();
            return result.IsAlive;
        }
    }

    [Fact]
    public async Task A_job_never_has_more_chunks_at_once_than_workers()
    {
        using var barrier = new Barrier(2);
        var (running, most) = (0, 0);
        var gate = new Lock();
        var job = new ChunkJob(200, 2, chunk =>
        {
            lock (gate)
            {
                most = Math.Max(most, ++running);
            }

            // The first two chunks meet, so that both workers are in use at least once.
            _ = chunk.From >= 2 || barrier.SignalAndWait(Patience);
            Thread.Yield();
            lock (gate)
            {
                running--;
            }
        });

        await Create(threads: 4).ComputeAsync(job, CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(2, most);
    }

    [Fact]
    public async Task No_two_chunks_have_one_worker_at_once()
    {
        var inUse = new int[3];
        var clashes = 0;
        var job = new ChunkJob(300, 3, chunk =>
        {
            if (Interlocked.Increment(ref inUse[chunk.Worker]) > 1)
            {
                Interlocked.Increment(ref clashes);
            }

            Thread.Yield();
            Interlocked.Decrement(ref inUse[chunk.Worker]);
        });

        await Create(threads: 4).ComputeAsync(job, CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(0, clashes);
    }

    [Fact]
    public async Task Every_item_is_computed_once()
    {
        var computed = new int[1_000];
        var job = new ChunkJob(1_000, 4, chunk =>
        {
            for (var i = chunk.From; i < chunk.From + chunk.Count; i++)
            {
                Interlocked.Increment(ref computed[i]);
            }
        }, size: 7);

        await Create(threads: 4).ComputeAsync(job, CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(Enumerable.Repeat(1, 1_000), computed);
    }

    [Fact]
    public async Task A_small_job_that_arrives_during_a_huge_one_is_computed_before_it_ends()
    {
        var scheduler = Create();
        var computed = 0;
        using var started = new ManualResetEventSlim();
        var huge = scheduler.ComputeAsync(new ChunkJob(10_000, 1, _ =>
        {
            computed++;
            started.Set();
            Gate.Wait(Patience);
        }), CancellationToken.None);
        Assert.True(started.Wait(Patience));

        var small = scheduler.ComputeAsync(_ => computed, CancellationToken.None);
        Gate.Set();
        await huge.WaitAsync(Patience);

        // At most the chunk that ran when it arrived, and the one that stood before it.
        Assert.InRange(await small.WaitAsync(Patience), 1, 2);
    }

    [Fact]
    public async Task Jobs_that_wait_together_take_turns()
    {
        var scheduler = Create();
        var order = new List<char>();
        var hold = scheduler.ComputeAsync(Hold, CancellationToken.None);
        Task[] jobs = [.. "abc".Select(name => scheduler.ComputeAsync(new ChunkJob(3, 1, _ => order.Add(name)), CancellationToken.None))];
        Gate.Set();
        await Task.WhenAll([hold, .. jobs]).WaitAsync(Patience);

        Assert.Equal("abcabcabc", string.Concat(order));
    }

    [Fact]
    public async Task A_failure_leaves_the_rest_of_its_job_uncomputed()
    {
        var computed = 0;
        var job = new ChunkJob(100, 1, _ => computed += computed == 2 ? throw new InvalidDataException("broken") : 1);

        await Assert.ThrowsAsync<InvalidDataException>(() => Create().ComputeAsync(job, CancellationToken.None).WaitAsync(Patience));

        Assert.Equal(2, computed);
    }

    [Fact]
    public async Task A_failed_job_ends_only_when_its_running_portions_have_ended()
    {
        var scheduler = Create(threads: 2);
        using var both = new Barrier(2);
        var ended = false;
        var job = scheduler.ComputeAsync(new ChunkJob(2, 2, chunk =>
        {
            both.SignalAndWait(Patience);
            if (chunk.Worker == 0)
            {
                throw new InvalidDataException("broken");
            }

            Gate.Wait(Patience);
            ended = true;
        }), CancellationToken.None);

        // The thread of the failed chunk is free for this, while the other chunk runs.
        await scheduler.ComputeAsync(static _ => 0, CancellationToken.None).WaitAsync(Patience);
        var early = job.IsCompleted;
        Gate.Set();
        await Assert.ThrowsAsync<InvalidDataException>(() => job.WaitAsync(Patience));

        Assert.Equal((false, true), (early, ended));
    }

    [Fact]
    public async Task A_job_without_items_is_done_at_once()
    {
        var job = new ChunkJob(0, 1, static _ => throw new InvalidDataException("computed"));

        await Create().ComputeAsync(job, CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(0, job.Waiting);
    }

    [Fact]
    public async Task A_cancelled_job_is_not_computed()
    {
        var computed = false;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Create().ComputeAsync(_ => computed = true, new CancellationToken(canceled: true)).WaitAsync(Patience));

        Assert.False(computed);
    }

    [Fact]
    public async Task A_waiting_job_is_cancelled_without_a_thread()
    {
        var scheduler = Create();
        using var source = new CancellationTokenSource();
        var hold = scheduler.ComputeAsync(Hold, CancellationToken.None);
        var waiting = scheduler.ComputeAsync(static _ => 1, source.Token);
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));

        Assert.False(hold.IsCompleted);
    }

    [Fact]
    public async Task A_job_that_was_cancelled_while_it_waited_is_never_computed()
    {
        var scheduler = Create();
        using var source = new CancellationTokenSource();
        var computed = false;
        var hold = scheduler.ComputeAsync(Hold, CancellationToken.None);
        var waiting = scheduler.ComputeAsync(_ => computed = true, source.Token);
        await source.CancelAsync();
        Gate.Set();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));
        await hold.WaitAsync(Patience);
        await scheduler.ComputeAsync(static _ => 0, CancellationToken.None).WaitAsync(Patience);

        Assert.False(computed);
    }

    [Fact]
    public async Task A_computation_sees_its_cancellation_and_its_thread_is_free_again()
    {
        var scheduler = Create();
        using var source = new CancellationTokenSource();
        using var started = new ManualResetEventSlim();
        var call = scheduler.ComputeAsync(
            token =>
            {
                started.Set();
                return WaitHandle.WaitAny([token.WaitHandle], Patience) == 0 ? throw new OperationCanceledException(token) : 0;
            },
            source.Token);
        Assert.True(started.Wait(Patience));
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(Patience));

        Assert.Equal(42, await scheduler.ComputeAsync(static _ => 42, CancellationToken.None).WaitAsync(Patience));
    }

    [Fact]
    public async Task Cancellation_drops_waiting_items_and_waits_for_running_ones()
    {
        var scheduler = Create();
        using var source = new CancellationTokenSource();
        using var started = new ManualResetEventSlim();
        var computed = 0;
        var job = scheduler.ComputeAsync(new ChunkJob(1_000, 1, _ =>
        {
            computed++;
            started.Set();
            Gate.Wait(Patience);
        }), source.Token);
        Assert.True(started.Wait(Patience));
        await source.CancelAsync();
        var early = job.IsCompleted;
        Gate.Set();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => job.WaitAsync(Patience));

        Assert.Equal((false, 1), (early, computed));
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
                await scheduler.ComputeAsync(new ChunkJob(1 + i, 1 + (i % 3), _ => Interlocked.Increment(ref computed)), CancellationToken.None);
                Interlocked.Add(ref computed, -1 - i);
                Interlocked.Increment(ref jobs);
            }))).WaitAsync(Patience);
        }

        Assert.Equal(0, computed);
    }

    [Fact]
    public async Task The_trace_of_the_request_continues_in_the_computation()
    {
        using var activity = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();

        Assert.Equal(activity.TraceId, await Create().ComputeAsync(static _ => Activity.Current?.TraceId, CancellationToken.None).WaitAsync(Patience));
    }

    [Fact]
    public async Task The_context_of_one_request_is_not_that_of_the_next()
    {
        var scheduler = Create();
        var local = new AsyncLocal<string>();
        await WithinAsync("first");

        Assert.Null(await scheduler.ComputeAsync(_ => local.Value, CancellationToken.None).WaitAsync(Patience));

        async Task WithinAsync(string value)
        {
            local.Value = value;
            await scheduler.ComputeAsync(_ => local.Value = "changed", CancellationToken.None).WaitAsync(Patience);
        }
    }

    [Fact]
    public async Task A_computation_does_not_change_the_context_of_its_request()
    {
        var local = new AsyncLocal<string> { Value = "mine" };
        await Create().ComputeAsync(_ => local.Value = "changed", CancellationToken.None).WaitAsync(Patience);

        Assert.Equal("mine", local.Value);
    }

    [Fact]
    public async Task Every_chunk_has_the_context_of_its_request()
    {
        var local = new AsyncLocal<string> { Value = "mine" };
        var seen = new ConcurrentBag<string?>();
        await Create(threads: 4).ComputeAsync(new ChunkJob(20, 4, _ => seen.Add(local.Value)), CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(Enumerable.Repeat("mine", 20), seen);
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
            var job = new ChunkJob(50, 1 + (i % 3), chunk =>
            {
                if (i % 4 == 0 && chunk.From == 20)
                {
                    throw new InvalidDataException("broken");
                }

                if (i % 4 == 1 && chunk.From >= 30)
                {
                    source.Cancel();
                }
            }, size: 1 + (i % 5 == 0 ? 1 : 0));
            try
            {
                await scheduler.ComputeAsync(job, source.Token);
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
    public async Task After_many_jobs_of_every_outcome_the_queue_limit_is_restored()
    {
        var scheduler = Create(threads: 2, maxQueuedItems: 100_000);
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            using var source = new CancellationTokenSource();
            var job = new ChunkJob(20, 2, chunk =>
            {
                if (chunk.From == 5 && i % 3 == 0)
                {
                    throw new InvalidDataException("broken");
                }

                if (chunk.From == 5 && i % 3 == 1)
                {
                    source.Cancel();
                }
            });
            await Record.ExceptionAsync(() => scheduler.ComputeAsync(job, source.Token));
        })).WaitAsync(Patience);
        await OccupyAsync(scheduler);
        await OccupyAsync(scheduler);
        _ = scheduler.ComputeAsync(new ChunkJob(99_999, 1, static _ => { }), CancellationToken.None);
        scheduler.EnsureRoom();
        _ = scheduler.ComputeAsync(static _ => 0, CancellationToken.None);

        Assert.Throws<ProblemException>(scheduler.EnsureRoom);
    }
}
