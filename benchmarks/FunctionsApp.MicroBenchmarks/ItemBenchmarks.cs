using System.Buffers;
using System.Text;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.MicroBenchmarks;

/// <summary>One item of a map: what it costs to read it, compute it and write its result.</summary>
[MemoryDiagnoser]
public class ItemBenchmarks : IDisposable
{
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _writer;
    private CpuOperation _operation = null!;
    private byte[] _item = null!;

    public ItemBenchmarks() => _writer = new Utf8JsonWriter(_buffer);

    /// <summary>The operation. The number to test is the greatest prime that it takes: the heaviest case.</summary>
    [Params("math.square", "primes.isPrime")]
    public string Operation { get; set; } = "";

    /// <summary>Whether the item is the input object, or a bare number.</summary>
    [Params(false, true)]
    public bool AsObject { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _operation = CoreServices.Get<OperationCatalog>().FindCpu(Operation);
        var (property, number) = Operation == "math.square" ? ("x", "123456") : ("n", "9223372036854775783");
        _item = Encoding.UTF8.GetBytes(AsObject ? $$"""{"{{property}}":{{number}}}""" : number);
    }

    [Benchmark]
    public int Compute()
    {
        _buffer.ResetWrittenCount();
        _writer.Reset();
        _operation.Compute(_item, ItemShape.ObjectOrBareValue, maxDepth: 64, _writer, CancellationToken.None);
        _writer.Flush();
        return _buffer.WrittenCount;
    }

    public void Dispose()
    {
        _writer.Dispose();
        GC.SuppressFinalize(this);
    }
}
