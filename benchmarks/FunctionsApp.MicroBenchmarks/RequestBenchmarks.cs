using System.Text;
using BenchmarkDotNet.Attributes;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Patterns.Map;

namespace FunctionsApp.MicroBenchmarks;

/// <summary>What it costs to read a request before any work starts.</summary>
[MemoryDiagnoser]
public class RequestBenchmarks
{
    private static readonly byte[] Gather = """{"calls":[{"operation":"echo","input":{"value":"The quick brown fox"}}]}"""u8.ToArray();
    private static readonly byte[] Map = Encoding.UTF8.GetBytes($$"""{"items":[{{string.Join(',', Enumerable.Range(0, 1_000))}}]}""");

    private readonly RequestReader _reader = CoreServices.Get<RequestReader>();
    private readonly OperationCatalog _catalog = CoreServices.Get<OperationCatalog>();

    /// <summary>A gather of one call, with its input.</summary>
    [Benchmark]
    public OperationCall GatherOfOneCall()
    {
        var call = _reader.Read<GatherRequest>(Gather).Calls[0];
        return _catalog.Find<CallableOperation>(call.Operation).Bind(call.Input!.Value.Utf8, "/calls/0/input");
    }

    /// <summary>A map of 1,000 items, which are read one by one later.</summary>
    [Benchmark]
    public int MapOf1000Items() => _reader.Read<MapRequest>(Map).Items.Count;
}
