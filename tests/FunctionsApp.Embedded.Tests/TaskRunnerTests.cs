using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Patterns.Callback;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Embedded.Tests;

/// <summary>A task whose computations find no room among those that wait: it waits for room, and repeats nothing meanwhile.</summary>
public sealed class TaskRunnerTests() : TaskTests(("Cpu:Threads", "1"), ("Cpu:MaxQueuedItems", "1"))
{
    private readonly TaskCompletionSource _room = new();

    [Fact]
    public async Task A_continuation_waits_for_room_and_the_work_is_not_repeated()
    {
        var full = FillAsync();
        await EventuallyAsync(() => IsFull);
        var task = await Service.CreateAsync("probe", Read<CallbackRequest>(
            """{"input":{"name":"a"},"onSuccess":{"operation":"math.square","input":{"x":3}},"onError":{"url":"https://example.com/"}}"""), Origin);
        await EventuallyAsync(() => Probe.Running == 1);
        var timers = Time.Timers;
        Probe.Succeed("a");
        await UntilRefusedAsync(timers);

        _room.SetResult();
        await full;

        var ended = await EndInTimeAsync(task.Id);
        Assert.Equal((TaskState.Succeeded, 1, 9), (ended.Status, ended.Attempts, ended.Result!.Value.ToElement().GetProperty("result").GetInt32()));
        Assert.Equal(["a"], Probe.Started);
    }

    [Theory]
    [InlineData("sequence", """{"steps":[{"operation":"probe","input":{"name":"a"}},{"operation":"math.square","input":{"x":3}}]}""")]
    [InlineData("gather", """{"calls":[{"operation":"probe","input":{"name":"a"}},{"operation":"math.square","input":{"x":3}}],"maxConcurrency":1}""")]
    public async Task A_step_and_a_call_wait_for_room_without_repeating_work(string pattern, string request)
    {
        var full = FillAsync();
        await EventuallyAsync(() => IsFull);
        var task = await Service.CreateAsync(Read<PatternTaskRequest>($$"""{"pattern":"{{pattern}}","request":{{request}}}"""), Origin);
        await EventuallyAsync(() => Probe.Running == 1);
        var timers = Time.Timers;
        Probe.Succeed("a");
        await UntilRefusedAsync(timers);

        _room.SetResult();
        await full;

        var ended = await EndInTimeAsync(task.Id);
        Assert.Equal((TaskState.Succeeded, 1), (ended.Status, ended.Attempts));
        Assert.Equal(["a"], Probe.Started);
    }

    private bool IsFull => Record.Exception(Get<CpuScheduler>().EnsureRoom) is ProblemException;

    /// <summary>Takes the one thread that computes, and the one place to wait for it.</summary>
    private async Task FillAsync()
    {
        using var taken = new SemaphoreSlim(0);
        var running = RunAsync(taken.Release);
        await taken.WaitAsync(Limit);
        await Task.WhenAll(running, RunAsync(static () => 0)).WaitAsync(Limit);

        Task<int> RunAsync(Func<int> begin) => Get<CpuScheduler>().ComputeAsync(
            cancellationToken =>
            {
                begin();
                _room.Task.Wait(cancellationToken);
                return 0;
            },
            CancellationToken.None);
    }

    /// <summary>Advances the time until a task ends: it may have been refused before there was room, and begin its pause only now.</summary>
    private async Task<TaskResponse> EndInTimeAsync(string id)
    {
        var end = EndOfAsync(id);
        await EventuallyAsync(() =>
        {
            Time.Advance(TimeSpan.FromMilliseconds(100));
            return end.IsCompleted;
        });
        return await end;
    }

    /// <summary>Waits until the task pauses, and lets its pause pass a few times.</summary>
    private async Task UntilRefusedAsync(int timers)
    {
        await AdvanceUntilAsync(() => Time.Timers > timers || Probe.Started.Count > 1, TimeSpan.FromMilliseconds(1));
        for (var i = 0; i < 5; i++)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
    }
}
