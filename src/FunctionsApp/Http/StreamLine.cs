using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Patterns.Streaming;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Http;

/// <summary>One line of a streamed response.</summary>
/// <param name="Name">The property that a line of NDJSON wraps the data in; without a name the data is the line.</param>
/// <param name="Data">The data.</param>
/// <param name="IsValue">Whether this is a value; server-sent events number values and send them without a name.</param>
public readonly record struct StreamLine(string? Name, RawJson Data, bool IsValue)
{
    /// <summary>Several values, each a whole line of NDJSON, in place of <see cref="Data"/>.</summary>
    public ReadOnlyMemory<byte> Lines { get; init; }

    /// <summary>A task in place of <see cref="Data"/>; its outcome may be in storage.</summary>
    public TaskResponse? Task { get; init; }

    /// <summary>The number of the value in server-sent events; by default they count from 0.</summary>
    public long? Id { get; init; }

    /// <summary>Returns a line that is no value.</summary>
    public static StreamLine Named<T>(string name, T data) => new(name, RawJson.From(data, CoreJson.TypeInfo<T>()), IsValue: false);

    /// <summary>Returns a value of a stream, or its end.</summary>
    public static StreamLine OfStream(StreamEvent part) =>
        part.End is { } end ? Named("end", end) : new("value", part.Value, IsValue: true);

    /// <summary>Returns a result of a gather, or its summary.</summary>
    public static StreamLine OfGather(GatherEvent part) => part.Result is { } result
        ? new(Name: null, RawJson.From(result, CoreJson.TypeInfo<GatherResult>()), IsValue: true)
        : Named("summary", part.Summary!);

    /// <summary>Returns many results of a map, a chunk, or its summary.</summary>
    public static StreamLine OfMap(MapEvent part) => part switch
    {
        { Summary: { } summary } => Named("summary", summary),
        { Chunk: { } chunk } => Named("chunk", chunk),
        _ => new(Name: null, Data: default, IsValue: true) { Lines = part.Lines },
    };

    /// <summary>Returns a change of a task.</summary>
    public static StreamLine OfTask(TaskEvent part) => new(Name: null, Data: default, IsValue: true) { Task = part.Task, Id = part.Id };
}
