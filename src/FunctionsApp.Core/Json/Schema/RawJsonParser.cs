using System.Diagnostics.CodeAnalysis;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json.Schema;

/// <summary>Reads JSON of any shape.</summary>
public static class RawJsonParser
{
    /// <summary>Checks that a text is one JSON value, and wraps it without a copy.</summary>
    /// <param name="utf8">The text, in valid UTF-8.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest in it.</param>
    /// <param name="json">The value, on one line.</param>
    /// <param name="error">What is wrong with the text, as a predicate: "is not JSON".</param>
    public static bool TryParse(ReadOnlyMemory<byte> utf8, int maxDepth, out RawJson json, [NotNullWhen(false)] out string? error)
    {
        try
        {
            error = SchemaCheck.Run(SchemaNode.Any, utf8.Span, maxDepth) is null ? null : ScalarCheck.NotUnicode;
        }
        catch (ProblemException exception)
        {
            error = exception.Problem.Slug is "malformed-json" ? "is not JSON" : $"nests deeper than {maxDepth} arrays and objects";
        }

        json = error is null ? RawJson.FromUtf8(utf8.Trim(" \t\r\n"u8)).OnOneLine() : default;
        return error is null;
    }
}
