using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>What holds of jobs whatever they are, and however their turns are cut.</summary>
public sealed class CpuSchedulerProperties : IDisposable
{
    private const int Threads = 3;
    private const int MaxItems = 100_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly Gen<Job> Jobs =
        from items in Gen.Choose(0, 40)
        from added in Gen.Frequency((2, Gen.Constant<int[]?>(null)), (1, Gen.Choose(0, 7).ArrayOf()))
        from workers in Gen.Choose(1, 4)
        from size in Gen.Frequency((3, Gen.Choose(1, 9)), (1, Gen.Constant(int.MaxValue)))
        from cut in Gen.Choose(1, 6)
        from failsAt in Gen.Frequency((4, Gen.Constant(-1)), (1, Gen.Choose(0, 40)))
        from cancelsAt in Gen.Frequency((4, Gen.Constant(-1)), (1, Gen.Choose(0, 40)))
        from share in Gen.Choose(0, 3)
        select new Job(items, added, workers, size, cut, failsAt, cancelsAt, share);

    private readonly CpuScheduler _scheduler = new(Options.Create(new CpuOptions { Threads = Threads, MaxQueuedItems = MaxItems }), new ManualTimeProvider());

    public void Dispose() => _scheduler.Dispose();

    [Fact]
    public void Each_item_is_computed_once_or_its_job_fails_and_the_queue_limit_is_restored() =>
        Prop.ForAll(Jobs.ListOf().ToArbitrary(), jobs =>
        {
            var shares = new[] { null, new CpuShare(), new CpuShare(), new CpuShare(isBackground: true) };
            var ends = Task.WhenAll(jobs.Select(job => RunAsync(job, shares[job.Share]))).WaitAsync(Patience).GetAwaiter().GetResult();

            Assert.All(jobs.Zip(ends), static pair =>
            {
                var (job, end) = pair;
                Assert.True(end.Computed.All(static count => count <= 1), "An item was computed twice.");
                Assert.InRange(end.Most, 0, job.Workers);
                switch (end.Failure)
                {
                    case null:
                        Assert.Equal(Enumerable.Repeat(1, job.Total), end.Computed);
                        Assert.False(job.FailsAt >= 0 && job.FailsAt < job.Total);
                        break;
                    case InvalidDataException:
                        Assert.InRange(job.FailsAt, 0, job.Total - 1);
                        break;
                    default:
                        Assert.IsType<OperationCanceledException>(end.Failure, exactMatch: false);
                        Assert.InRange(job.CancelsAt, 0, job.Total - 1);
                        break;
                }
            });
            EnsureRoomFor(MaxItems);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(60));

    private async Task<End> RunAsync(Job job, CpuShare? share)
    {
        CurrentShare.Value = share;
        using var source = new CancellationTokenSource();
        var computed = new int[job.Total];
        var (running, most) = (0, 0);
        var gate = new Lock();
        var work = new ChunkJob(
            job.Items, job.Workers,
            (chunk, turn) =>
            {
                lock (gate)
                {
                    most = Math.Max(most, ++running);
                }

                try
                {
                    var count = 0;
                    while (count == 0 || (count < chunk.Count && count % job.Cut != 0 && !turn.IsOver))
                    {
                        var index = chunk.From + count++;
                        if (index == job.CancelsAt)
                        {
                            source.Cancel();
                        }

                        if (index == job.FailsAt)
                        {
                            throw new InvalidDataException("as told");
                        }

                        Interlocked.Increment(ref computed[index]);
                    }

                    return count;
                }
                finally
                {
                    lock (gate)
                    {
                        running--;
                    }
                }
            },
            job.ChunkSize, isOpen: job.Added is not null);
        var run = _scheduler.ComputeAsync(work, source.Token);
        foreach (var added in job.Added ?? [])
        {
            await Task.Yield();
            _scheduler.Update(work, added);
        }

        if (job.Added is not null)
        {
            _scheduler.Close(work);
        }

        var failure = await Record.ExceptionAsync(() => run);
        Assert.Equal(0, running);
        return new End(computed, most, failure);
    }

    private void EnsureRoomFor(int items)
    {
        using var gate = new ManualResetEventSlim();
        using var occupied = new CountdownEvent(Threads);
        using var source = new CancellationTokenSource();
        var hold = _scheduler.ComputeAsync(
            new ChunkJob(Threads, Threads, _ =>
            {
                occupied.Signal();
                gate.Wait(Patience);
            }),
            CancellationToken.None);
        Assert.True(occupied.Wait(Patience));
        var most = _scheduler.ComputeAsync(new ChunkJob(items - 1, 1, static _ => { }), source.Token);
        var room = Record.Exception(_scheduler.EnsureRoom);
        var last = _scheduler.ComputeAsync(static _ => 0, source.Token);
        var none = Record.Exception(_scheduler.EnsureRoom);
        source.Cancel();
        gate.Set();
        Record.ExceptionAsync(() => Task.WhenAll(hold, most, last)).WaitAsync(Patience).GetAwaiter().GetResult();

        Assert.Null(room);
        Assert.IsType<ProblemException>(none);
    }

    private sealed record Job(int Items, int[]? Added, int Workers, int ChunkSize, int Cut, int FailsAt, int CancelsAt, int Share)
    {
        public int Total => Items + (Added ?? []).Sum();
    }

    private sealed record End(int[] Computed, int Most, Exception? Failure);
}
