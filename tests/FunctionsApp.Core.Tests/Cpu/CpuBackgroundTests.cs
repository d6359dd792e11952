using System.Globalization;
using FunctionsApp.Core.Cpu;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>Work that no client waits for, beside requests.</summary>
public sealed class CpuBackgroundTests : CpuTests
{
    [Fact]
    public async Task A_request_does_not_wait_for_long_computations_of_tasks()
    {
        var scheduler = Create(threads: 2);
        var tasks = new[] { await OccupyAsync(scheduler, isBackground: true), await OccupyAsync(scheduler, isBackground: true) };

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(42, await RunAsync(scheduler, isBackground: false, static () => 42).WaitAsync(Patience));
        }

        Assert.All(tasks, static task => Assert.False(task.IsCompleted));
        Gate.Set();
        await Task.WhenAll(tasks).WaitAsync(Patience);
    }

    [Fact]
    public async Task A_task_does_not_wait_for_long_computations_of_requests()
    {
        var scheduler = Create(threads: 1);
        var request = await OccupyAsync(scheduler, isBackground: false);

        Assert.Equal(42, await RunAsync(scheduler, isBackground: true, static () => 42).WaitAsync(Patience));

        Assert.False(request.IsCompleted);
        Gate.Set();
        await request.WaitAsync(Patience);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task As_many_computations_of_a_kind_run_at_once_as_there_are_threads(bool isBackground)
    {
        var scheduler = Create(threads: 2);
        var running = new[] { await OccupyAsync(scheduler, isBackground), await OccupyAsync(scheduler, isBackground) };
        var third = RunAsync(scheduler, isBackground, static () => 42);

        // All others have been served by then.
        await RunAsync(scheduler, !isBackground, static () => 42).WaitAsync(Patience);

        Assert.False(third.IsCompleted);
        Gate.Set();
        await Task.WhenAll([.. running, third]).WaitAsync(Patience);
    }

    [Fact]
    public async Task On_Linux_threads_of_tasks_have_a_lower_priority()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var scheduler = Create();
        var foreground = await RunAsync(scheduler, isBackground: false, Niceness).WaitAsync(Patience);
        var background = await RunAsync(scheduler, isBackground: true, Niceness).WaitAsync(Patience);

        Assert.Equal(6, background - foreground);
    }

    /// <summary>Returns the niceness of this thread, the 19th field; what stands before the third may contain spaces.</summary>
    private static int Niceness() =>
        int.Parse(File.ReadAllText("/proc/thread-self/stat").Split(") ")[^1].Split(' ')[16], CultureInfo.InvariantCulture);

    /// <summary>Takes a thread until the gate opens.</summary>
    private async Task<Task<int>> OccupyAsync(CpuScheduler scheduler, bool isBackground)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = RunAsync(scheduler, isBackground, () =>
        {
            started.SetResult();
            return Hold(CancellationToken.None);
        });
        await started.Task.WaitAsync(Patience);
        return running;
    }

    private static async Task<int> RunAsync(CpuScheduler scheduler, bool isBackground, Func<int> compute)
    {
        CurrentShare.Value = new CpuShare(isBackground);
        return await scheduler.ComputeAsync(_ => compute(), CancellationToken.None);
    }
}
