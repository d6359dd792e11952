using System.Buffers;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json.Schema;

/// <summary>
/// The JSON Schema (2020-12) of a record, and a reader that enforces exactly that schema. Derived from the
/// record's properties and their attributes: <c>required</c>, <see cref="DescriptionAttribute"/>,
/// <see cref="RangeAttribute"/>, <see cref="LengthAttribute"/>, <see cref="MinLengthAttribute"/>,
/// <see cref="MaxLengthAttribute"/>, <see cref="AllowedValuesAttribute"/>, <see cref="DefaultValueAttribute"/>.
/// </summary>
/// <typeparam name="T">A record; an undeclared property is an error of the request.</typeparam>
public sealed class JsonContract<T>
{
    private readonly JsonTypeInfo<T> _typeInfo = CoreJson.TypeInfo<T>();

    /// <summary>Derives the schema. Uses reflection, so create contracts once and keep them.</summary>
    public JsonContract()
    {
        Schema = JsonSchemas.OfInput(typeof(T));
        Node = new SchemaNode(Schema);
    }

    /// <summary>The JSON Schema.</summary>
    public JsonNode Schema { get; }

    /// <summary>The schema, compiled.</summary>
    internal SchemaNode Node { get; }

    /// <summary>Reads a value.</summary>
    /// <param name="utf8">One JSON value.</param>
    /// <param name="pointer">Where the value is in the request; errors are reported below it.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest in it.</param>
    /// <exception cref="ProblemException">
    /// <c>invalid-request</c> with every error; <c>malformed-json</c> if <paramref name="utf8"/> is not JSON; <c>too-large</c> if it
    /// nests too deep.
    /// </exception>
    public T Read(ReadOnlySpan<byte> utf8, string pointer, int maxDepth = CoreJson.MaxDepth)
    {
        if (SchemaCheck.Run(Node, utf8, maxDepth, out var plain) is { } errors)
        {
            throw new ProblemException(errors.ToProblem(pointer));
        }

        if (plain?.Length > RequestMemory.FreeBytes)
        {
            RequestMemory.Current?.Hold(plain.Value.Length);
        }

        // A converter, such as that of RawJson, takes the text of its value from SourceText.ReadValue.
        using var source = SourceText.Open(plain ?? SourceText.Current);
        var text = plain is { } other ? other.Span : utf8;
        try
        {
            var value = JsonSerializer.Deserialize(text, _typeInfo)!;
            CrossCheck(value, pointer);
            return value;
        }
        catch (JsonException exception)
        {
            throw new ProblemException(Explain(text, JsonPointer.FromPath(exception.Path)).Below(pointer));
        }
    }

    /// <summary>Checks the rules that concern several properties of a value.</summary>
    private static void CrossCheck(T value, string pointer)
    {
        if (value is not ICrossChecked crossChecked)
        {
            return;
        }

        var errors = new ValidationErrors();
        foreach (var (property, message) in crossChecked.Check())
        {
            errors.Add(property.Length == 0 ? "" : "/" + property, message);
        }

        errors.ThrowIfAny(pointer);
    }

    /// <summary>
    /// Explains why a type refuses a value that its schema accepts: a dictionary refuses repeated names, a type of text other text.
    /// </summary>
    private Problem Explain(ReadOnlySpan<byte> utf8, string refused)
    {
        if (SchemaCheck.ListWithRepeated(Node, utf8).Below(refused) is { Any: true } repeated)
        {
            return repeated.ToProblem("");
        }

        var node = JsonPointer.Split(refused) is { } tokens ? Node.Find(tokens) : null;
        return Problem.InvalidRequest(
            refused, node is null or { Kinds: JsonKinds.Any } ? "is not a value of its type" : $"must be {node.Describe()}");
    }

    /// <summary>Reads a value, or a bare value for the first property.</summary>
    /// <param name="utf8">One JSON value; the result may refer to parts of it.</param>
    /// <param name="pointer">Where the value is in the request; errors are reported below it.</param>
    /// <param name="bareValues">Whether a bare value is allowed.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> with every error.</exception>
    public T Read(ReadOnlyMemory<byte> utf8, string pointer, bool bareValues)
    {
        using var text = SourceText.Open(utf8);
        try
        {
            return bareValues ? ReadObjectOrBareValue(utf8.Span, CoreJson.MaxDepth) : Read(utf8.Span, "");
        }
        catch (ProblemException exception) when (exception.Problem.Errors is not null && pointer.Length > 0)
        {
            throw new ProblemException(exception.Problem.Below(pointer));
        }
    }

    /// <summary>Reads the object, or a bare value for its first property.</summary>
    /// <param name="utf8">Text that may be invalid JSON.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest in it.</param>
    /// <exception cref="ProblemException">
    /// <c>invalid-request</c> with every error, their pointers starting at the value; <c>malformed-json</c>; <c>too-large</c>.
    /// </exception>
    internal T ReadObjectOrBareValue(ReadOnlySpan<byte> utf8, int maxDepth) =>
        utf8.TrimStart(" \t\r\n"u8) is [(byte)'{', ..] ? Read(utf8, "", maxDepth) : ReadBareValue(utf8, maxDepth);

    /// <summary>Writes one of the properties in the text of an object.</summary>
    /// <exception cref="ProblemException">There are fewer properties.</exception>
    internal void WriteProperty(ArrayBufferWriter<byte> target, int index, ReadOnlySpan<byte> value)
    {
        if (index >= Node.Properties.Length)
        {
            throw new ProblemException(Problem.InvalidRequest(
                "", $"must have at most {Node.Properties.Length} values, one for each property of the input"));
        }

        target.Write("\""u8);
        target.Write(Node.Properties[index].EncodedName.EncodedUtf8Bytes);
        target.Write("\":"u8);
        target.Write(value);
    }

    /// <summary>Returns the index of the property that a pointer leads to or through; -1 for none.</summary>
    /// <param name="pointer">A pointer that starts at the object.</param>
    /// <param name="below">The pointer without the property.</param>
    internal int IndexOf(string pointer, out string below)
    {
        for (var i = 0; i < Node.Properties.Length; i++)
        {
            var property = JsonPointer.Append("", Node.Properties[i].Name);
            if ($"{pointer}/".StartsWith($"{property}/", StringComparison.Ordinal))
            {
                below = pointer[property.Length..];
                return i;
            }
        }

        below = pointer;
        return -1;
    }

    /// <summary>Wraps a value into an object and reads that: the schema and the metadata cover objects only.</summary>
    private T ReadBareValue(ReadOnlySpan<byte> utf8, int maxDepth)
    {
        // The text must be a single value: "1, "y": 2" would be two properties.
        if (SchemaCheck.Run(SchemaNode.Any, utf8, maxDepth) is { } errors)
        {
            throw new ProblemException(errors.ToProblem(""));
        }

        var wrapped = new ArrayBufferWriter<byte>(256);
        wrapped.Write("{"u8);
        WriteProperty(wrapped, 0, utf8);
        wrapped.Write("}"u8);
        using var text = SourceText.Open(wrapped.WrittenMemory);
        try
        {
            return Read(wrapped.WrittenSpan, "");
        }
        catch (ProblemException exception) when (exception.Problem.Errors is { } found)
        {
            throw new ProblemException(Problem.InvalidRequest(Unwrapped(found)));
        }
    }

    /// <summary>Changes the pointers from the wrapping object's properties to the value.</summary>
    private Dictionary<string, string[]> Unwrapped(IReadOnlyDictionary<string, string[]> errors)
    {
        var unwrapped = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (var (pointer, messages) in errors)
        {
            var index = IndexOf(pointer, out var below);
            var all = below.Length > 0 || index <= 0 ? messages
                : [.. messages.Select(message => $"must be an object: '{Node.Properties[index].Name}' {message}")];
            unwrapped[below] = unwrapped.TryGetValue(below, out var earlier) ? [.. earlier, .. all] : all;
        }

        return unwrapped;
    }
}
