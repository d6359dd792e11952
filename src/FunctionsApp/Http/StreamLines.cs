using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Patterns.Streaming;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Http;

/// <summary>Converts events to lines of responses.</summary>
internal static class StreamLines
{
    /// <summary>Yields the values of a stream, and its end.</summary>
    public static async IAsyncEnumerable<StreamLine> Of(IAsyncEnumerable<StreamEvent> events)
    {
        await foreach (var (value, end) in events)
        {
            yield return end is null
                ? new StreamLine("value", value, IsValue: true)
                : new StreamLine("end", RawJson.From(end, CoreJson.TypeInfo<StreamEnd>()), IsValue: false);
        }
    }

    /// <summary>Yields the results of a gather as they complete, and its summary.</summary>
    public static async IAsyncEnumerable<StreamLine> Of(IAsyncEnumerable<GatherEvent> events)
    {
        await foreach (var (result, summary) in events)
        {
            yield return result is not null
                ? new StreamLine(Name: null, RawJson.From(result, CoreJson.TypeInfo<GatherResult>()), IsValue: true)
                : new StreamLine("summary", RawJson.From(summary!, CoreJson.TypeInfo<GatherSummary>()), IsValue: false);
        }
    }

    /// <summary>Yields the changes of a task.</summary>
    public static async IAsyncEnumerable<StreamLine> Of(IAsyncEnumerable<TaskEvent> events)
    {
        await foreach (var (id, task) in events)
        {
            yield return new StreamLine(Name: null, Data: default, IsValue: true) { Task = task, Id = id };
        }
    }

    /// <summary>Yields the results of a map, many at a time, and its summary.</summary>
    public static async IAsyncEnumerable<StreamLine> Of(IAsyncEnumerable<MapEvent> events)
    {
        await foreach (var part in events)
        {
            yield return part switch
            {
                { Summary: { } summary } =>
                    new StreamLine("summary", RawJson.From(summary, CoreJson.TypeInfo<MapSummary>()), IsValue: false),
                { Chunk: { } chunk } => new StreamLine("chunk", RawJson.From(chunk, CoreJson.TypeInfo<MapChunk>()), IsValue: false),
                _ => new StreamLine(Name: null, Data: default, IsValue: true) { Values = part.Lines },
            };
        }
    }
}
