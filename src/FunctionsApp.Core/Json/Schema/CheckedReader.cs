using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json.Schema;

/// <summary>Reads values that are checked against a schema first.</summary>
internal static class CheckedReader
{
    /// <summary>Checks a value and reads it.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="typeInfo">The metadata of its type.</param>
    /// <param name="utf8">Text that may be invalid JSON.</param>
    /// <param name="pointer">Where the value is in the request; errors are reported below it.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest in it.</param>
    /// <exception cref="ProblemException">The value does not match the schema or the type, or the text is not JSON.</exception>
    public static T Read<T>(SchemaNode schema, JsonTypeInfo<T> typeInfo, ReadOnlySpan<byte> utf8, string pointer, int maxDepth)
    {
        if (SchemaCheck.Run(schema, utf8, maxDepth, out var plain) is { } errors)
        {
            throw new ProblemException(errors.ToProblem(pointer));
        }

        if (plain is not { } text)
        {
            return ReadChecked(schema, typeInfo, utf8, pointer);
        }

        if (text.Length > RequestMemory.FreeBytes)
        {
            RequestMemory.Current?.Hold(text.Length);
        }

        using var source = SourceText.Open(SourceText.IsOpen ? text : default);
        return ReadChecked(schema, typeInfo, text.Span, pointer);
    }

    /// <summary>Reads a value that matches the schema.</summary>
    /// <exception cref="ProblemException">The value does not match the type.</exception>
    public static T ReadChecked<T>(SchemaNode schema, JsonTypeInfo<T> typeInfo, ReadOnlySpan<byte> utf8, string pointer)
    {
        try
        {
            return JsonSerializer.Deserialize(utf8, typeInfo)!;
        }
        catch (JsonException exception)
        {
            throw new ProblemException(Explain(schema, utf8, JsonPointer.FromPath(exception.Path)).Below(pointer));
        }
    }

    /// <summary>
    /// Explains why a type refuses a value that its schema accepts: a dictionary refuses repeated names, a type of text other text.
    /// </summary>
    private static Problem Explain(SchemaNode schema, ReadOnlySpan<byte> utf8, string refused)
    {
        var repeated = SchemaCheck.ListWithRepeated(schema, utf8).Below(refused);
        if (repeated.Any)
        {
            return repeated.ToProblem("");
        }

        var node = JsonPointer.Split(refused) is { } tokens ? schema.Find(tokens) : null;
        return Problem.InvalidRequest(
            refused, node is null or { Kinds: JsonKinds.Any } ? "is not a value of its type" : $"must be {node.Describe()}");
    }
}
