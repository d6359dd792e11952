using System.Text;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Tests.Cpu;
using FunctionsApp.Core.Tests.Patterns.Map;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Patterns.Gather;

/// <summary>A gather is one request, however many of its calls compute.</summary>
public sealed class GatherFairnessTests : IDisposable
{
    private const int Calls = 1_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider _time = new();
    private readonly ServiceProvider _services;
    private readonly ManualResetEventSlim _gate = new();

    // Who computed: (g)ather, (m)ap or a (s)ingle call, told by the y of its input.
    private readonly StringBuilder _order = new();

    public GatherFairnessTests()
    {
        _services = TestServices.Create(_time, ComputeOperations.Add, ("Cpu:Threads", "1"));
        _services.GetRequiredService<ComputeHook>().Number = (input, _) =>
        {
            _order.Append("gms"[(int)input.Y!.Value.AsInteger]);
            _time.Advance(TimeSpan.FromMilliseconds(1));
            OnComputed();
            return input.X;
        };
    }

    private Action OnComputed { get; set; } = static () => { };

    public void Dispose()
    {
        _gate.Set();
        _services.Dispose();
        _gate.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_gather_of_a_thousand_calls_gets_half_of_the_time_beside_a_map_of_equal_work(bool isStreamed)
    {
        var hold = Scheduler.ComputeAsync(_ => _gate.Wait(Patience, CancellationToken.None), CancellationToken.None);
        var (map, gather) = (MapAsync(), GatherAsync(isStreamed));
        _gate.Set();
        await Task.WhenAll(hold, map, gather).WaitAsync(Patience);

        Assert.Equal(2 * Calls, _order.Length);
        var ahead = 0;
        for (var i = 0; i < (2 * Calls) - 20; i++)
        {
            ahead += _order[i] == 'g' ? 1 : -1;
            Assert.InRange(ahead, -12, 12);
        }
    }

    [Theory]
    [InlineData(false, 700)]
    [InlineData(true, 703)]
    public async Task A_single_call_that_comes_during_both_is_served_next(bool isStreamed, int after)
    {
        Task? single = null;
        OnComputed = () =>
        {
            if (_order.Length == after)
            {
                // This runs within a computation of the map's or the gather's, but is neither's.
                CurrentShare.Value = null;
                single = _services.GetRequiredService<AwaitService>().RunAsync("test.number", Raw("""{"x":1,"y":2}"""), null, CancellationToken.None);
            }
        };
        var hold = Scheduler.ComputeAsync(_ => _gate.Wait(Patience, CancellationToken.None), CancellationToken.None);
        var (map, gather) = (MapAsync(), GatherAsync(isStreamed));
        _gate.Set();
        await Task.WhenAll(hold, map, gather).WaitAsync(Patience);
        await single!.WaitAsync(Patience);

        Assert.Equal(after, _order.ToString().IndexOf('s', StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_caller_of_a_gather_leaves_its_share_afterwards(bool isStreamed)
    {
        _gate.Set();
        var during = GatherAsync(isStreamed, calls: 10);
        var current = CurrentShare.Value;
        await during.WaitAsync(Patience);

        Assert.Equal((null, null), (current, CurrentShare.Value));
    }

    private CpuScheduler Scheduler => _services.GetRequiredService<CpuScheduler>();

    private Task<MapResponse> MapAsync() => _services.GetRequiredService<MapService>().RunAsync(
        "test.number",
        Read<MapRequest>($$"""{"starmap":true,"items":[{{string.Join(',', Enumerable.Repeat("[1,1]", Calls))}}]}"""),
        CancellationToken.None);

    private async Task GatherAsync(bool isStreamed, int calls = Calls)
    {
        var request = Read<GatherRequest>(
            $$"""{"calls":[{{string.Join(',', Enumerable.Repeat("""{"operation":"test.number","input":{"x":1,"y":0}}""", calls))}}]}""");
        var service = _services.GetRequiredService<GatherService>();
        if (!isStreamed)
        {
            await service.RunAsync(request, CancellationToken.None);
            return;
        }

        await foreach (var item in service.StreamAsync(request, CancellationToken.None))
        {
            _ = item;
        }
    }

    private T Read<T>(string json) => _services.GetRequiredService<RequestReader>().Read<T>(Encoding.UTF8.GetBytes(json));

    private static RawJson Raw(string json) => RawJson.FromUtf8(Encoding.UTF8.GetBytes(json));
}
