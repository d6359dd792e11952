using Microsoft.Net.Http.Headers;

namespace FunctionsApp.Http;

/// <summary>The media types of bodies.</summary>
internal static class MediaTypes
{
    public const string Json = "application/json";
    public const string Lines = "application/x-ndjson";

    /// <summary>Returns whether a type is NDJSON. None of its names is registered, so that clients use several.</summary>
    public static bool IsLines(MediaTypeHeaderValue type) => type.MediaType.Value?.ToUpperInvariant() is
        "APPLICATION/X-NDJSON" or "APPLICATION/NDJSON" or "APPLICATION/JSONL" or "APPLICATION/JSONLINES";

    /// <summary>Returns whether a type is JSON, or a format that is made of it.</summary>
    public static bool IsJson(MediaTypeHeaderValue type) =>
        type.MediaType.Equals(Json, StringComparison.OrdinalIgnoreCase) || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase);

    /// <summary>Returns whether a text is in UTF-8, which it is unless its type has another charset.</summary>
    public static bool IsUtf8(MediaTypeHeaderValue type) =>
        !type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Value?.ToUpperInvariant() is "UTF-8" or "UTF8";

    /// <summary>Returns the format of a response that a type of <c>Accept</c> names; null if no response has it.</summary>
    public static ResponseFormat? FormatOf(MediaTypeHeaderValue type) => type.MediaType.Value?.ToUpperInvariant() switch
    {
        "APPLICATION/JSON" => ResponseFormat.Json,
        "TEXT/EVENT-STREAM" => ResponseFormat.EventStream,
        _ => IsLines(type) ? ResponseFormat.Lines : null,
    };
}

/// <summary>The format of a response.</summary>
public enum ResponseFormat
{
    /// <summary>In one piece: <c>application/json</c>.</summary>
    Json,

    /// <summary>A line of JSON for each result: <c>application/x-ndjson</c>.</summary>
    Lines,

    /// <summary>An event for each result: <c>text/event-stream</c>.</summary>
    EventStream,
}
