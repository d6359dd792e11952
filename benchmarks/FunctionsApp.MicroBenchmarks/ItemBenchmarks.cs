using System.Text;
using BenchmarkDotNet.Attributes;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns.Map;

namespace FunctionsApp.MicroBenchmarks;

/// <summary>One item of a map: what it costs to read it, compute it and write its result.</summary>
[MemoryDiagnoser]
public class ItemBenchmarks : IDisposable
{
    private readonly ResultBuffer _buffer = new(hasCommas: true);
    private ItemFunction _function = null!;
    private byte[] _item = null!;

    /// <summary>The operation. The number to test is the greatest prime that it takes: the heaviest case.</summary>
    [Params("math.square", "primes.isPrime")]
    public string Operation { get; set; } = "";

    /// <summary>Whether the item is the input object, or a bare number.</summary>
    [Params(false, true)]
    public bool AsObject { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _function = ItemFunction.Of(CoreServices.Get<OperationCatalog>().Find<CpuOperation>(Operation), maxDepth: 64);
        var (property, number) = Operation == "math.square" ? ("x", "123456") : ("n", "9223372036854775783");
        _item = Encoding.UTF8.GetBytes(AsObject ? $$"""{"{{property}}":{{number}}}""" : number);
    }

    [Benchmark]
    public int Compute()
    {
        _buffer.Begin();
        _function.Compute(_item, isStarmap: false, _buffer, CancellationToken.None);
        var length = _buffer.Written.Length;
        _buffer.Drop();
        return length;
    }

    public void Dispose()
    {
        _buffer.Dispose();
        GC.SuppressFinalize(this);
    }
}
