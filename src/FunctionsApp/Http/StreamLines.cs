using FunctionsApp.Core.Json;
using FunctionsApp.Core.Streaming;

namespace FunctionsApp.Http;

/// <summary>Names the lines of streamed answers.</summary>
internal static class StreamLines
{
    /// <summary>The values of a stream, and its end.</summary>
    public static async IAsyncEnumerable<StreamLine> Of(IAsyncEnumerable<StreamEvent> events)
    {
        await foreach (var (value, end) in events)
        {
            yield return end is null
                ? new StreamLine("value", value, IsValue: true)
                : new StreamLine("end", RawJson.From(end, CoreJson.TypeInfo<StreamEnd>()), IsValue: false);
        }
    }
}
