using System.Buffers;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json.Schema;

/// <summary>How an item of a map represents an operation's input.</summary>
public enum ItemShape
{
    /// <summary>The input object, or a bare value for its first property.</summary>
    ObjectOrBareValue,

    /// <summary>An array whose values are those of the input's properties, in order.</summary>
    Starmap,
}

/// <summary>
/// The JSON Schema (2020-12) of a record, and a reader that enforces exactly that schema. Derived from the
/// record's properties and their attributes: <c>required</c>, <see cref="DescriptionAttribute"/>,
/// <see cref="RangeAttribute"/>, <see cref="LengthAttribute"/>, <see cref="MinLengthAttribute"/>,
/// <see cref="MaxLengthAttribute"/>, <see cref="AllowedValuesAttribute"/>, <see cref="DefaultValueAttribute"/>.
/// </summary>
/// <typeparam name="T">A record; an undeclared property is an error of the request.</typeparam>
public sealed class JsonContract<T>
{
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _buffer;

    private readonly SchemaNode _node;
    private readonly Lazy<BareValue<T>?> _bareValue;
    private readonly JsonTypeInfo<T> _typeInfo = CoreJson.TypeInfo<T>();

    /// <summary>Derives the schema. Uses reflection, so create contracts once and keep them.</summary>
    public JsonContract()
    {
        Schema = JsonSchemas.OfInput(typeof(T));
        _node = new SchemaNode(Schema);
        _bareValue = new Lazy<BareValue<T>?>(() => BareValue<T>.Create(_node));
    }

    /// <summary>The JSON Schema.</summary>
    public JsonNode Schema { get; }

    /// <summary>Reads a value.</summary>
    /// <param name="utf8">One JSON value.</param>
    /// <param name="pointer">Where the value is in the request; errors are reported below it.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest in it.</param>
    /// <exception cref="ProblemException">
    /// <c>invalid-request</c> with every error; <c>malformed-json</c> if <paramref name="utf8"/> is not JSON; <c>too-large</c> if it nests too deep.
    /// </exception>
    public T Read(ReadOnlySpan<byte> utf8, string pointer, int maxDepth = CoreJson.MaxDepth) =>
        CrossChecked(CheckedReader.Read(_node, _typeInfo, utf8, pointer, maxDepth), pointer);

    /// <summary>As <see cref="Read(ReadOnlySpan{byte}, string, int)"/>, but only splits the elements of arrays that accept any.</summary>
    internal T ReadSplit(ReadOnlySpan<byte> utf8, int maxDepth) => SchemaCheck.TrySplit(_node, utf8, maxDepth)
        ? CrossChecked(CheckedReader.ReadChecked(_node, _typeInfo, utf8, ""), "")
        : Read(utf8, "", maxDepth);

    /// <summary>Checks a value, and throws as <see cref="Read(ReadOnlySpan{byte}, string, int)"/> does.</summary>
    internal void Check(ReadOnlySpan<byte> utf8, string pointer, int maxDepth)
    {
        if (SchemaCheck.Run(_node, utf8, maxDepth) is { } errors)
        {
            throw new ProblemException(errors.ToProblem(pointer));
        }
    }

    private static T CrossChecked(T value, string pointer)
    {
        if (value is ICrossChecked crossChecked)
        {
            var errors = new ValidationErrors();
            foreach (var (property, message) in crossChecked.Check())
            {
                errors.Add(property.Length == 0 ? "" : "/" + property, message);
            }

            if (errors.Any)
            {
                throw new ProblemException(errors.ToProblem(pointer));
            }
        }

        return value;
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
            return bareValues ? ReadItem(utf8.Span, ItemShape.ObjectOrBareValue) : Read(utf8.Span, "");
        }
        catch (ProblemException exception) when (exception.Problem.Errors is not null && pointer.Length > 0)
        {
            throw new ProblemException(exception.Problem.Below(pointer));
        }
    }

    /// <summary>Reads an item of a map.</summary>
    /// <param name="utf8">Text that may be invalid JSON.</param>
    /// <param name="shape">How it represents the input.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest in it.</param>
    /// <exception cref="ProblemException">
    /// <c>invalid-request</c> with every error, their pointers starting at the item; <c>malformed-json</c>; <c>too-large</c>.
    /// </exception>
    public T ReadItem(ReadOnlySpan<byte> utf8, ItemShape shape, int maxDepth = CoreJson.MaxDepth) =>
        shape == ItemShape.Starmap ? ReadWrapped(utf8, shape, maxDepth)
        : IsObject(utf8) ? _bareValue.Value is { } simple && simple.TryReadObject(utf8, out var value) ? value : Read(utf8, "", maxDepth)
        : _bareValue.Value is { } bareValue ? bareValue.Read(utf8, maxDepth)
        : ReadWrapped(utf8, shape, maxDepth);

    private static bool IsObject(ReadOnlySpan<byte> utf8) =>
        utf8 is [> (byte)' ', ..] ? utf8[0] == '{' : utf8.TrimStart(" \t\r\n"u8).StartsWith((byte)'{');

    /// <summary>Wraps an item into an object and reads that: the schema and the metadata cover objects only.</summary>
    private T ReadWrapped(ReadOnlySpan<byte> utf8, ItemShape shape, int maxDepth)
    {
        // The text must be a single value: "1, "y": 2" would be two properties.
        if (SchemaCheck.Run(SchemaNode.Any, utf8, maxDepth) is { } errors)
        {
            throw new ProblemException(errors.ToProblem(""));
        }

        var buffer = _buffer ??= new ArrayBufferWriter<byte>(256);
        buffer.ResetWrittenCount();
        if (shape == ItemShape.Starmap)
        {
            WriteFromArray(buffer, utf8);
        }
        else
        {
            WriteProperty(buffer, (byte)'{', Property(0), utf8);
        }

        buffer.Write("}"u8);
        using var text = SourceText.Open(SourceText.IsOpen ? buffer.WrittenSpan.ToArray() : default);
        try
        {
            return Read(buffer.WrittenSpan, "");
        }
        catch (ProblemException exception) when (exception.Problem.Errors is not null)
        {
            throw new ProblemException(Relocate(exception.Problem, shape));
        }
        finally
        {
            if (buffer.Capacity > 64 * 1024)
            {
                _buffer = null;
            }
        }
    }

    private SchemaProperty Property(int index) => index < _node.Properties.Length
        ? _node.Properties[index]
        : throw new ProblemException(Problem.InvalidRequest("", $"must have at most {_node.Properties.Length} values, one for each property of the input"));

    private void WriteFromArray(ArrayBufferWriter<byte> buffer, ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = CoreJson.MaxDepth });
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new ProblemException(Problem.InvalidRequest("", "must be an array of the input's values, because starmap is set"));
        }

        var index = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            WriteProperty(buffer, (byte)(index == 0 ? '{' : ','), Property(index), utf8[start..(int)reader.BytesConsumed]);
            index++;
        }

        if (index == 0)
        {
            buffer.Write("{"u8);
        }
    }

    private static void WriteProperty(ArrayBufferWriter<byte> buffer, byte before, SchemaProperty property, ReadOnlySpan<byte> value)
    {
        buffer.Write([before, (byte)'"']);
        buffer.Write(property.EncodedName.EncodedUtf8Bytes);
        buffer.Write("\":"u8);
        buffer.Write(value);
    }

    /// <summary>Changes the pointers from the wrapping object's properties to the values in the item.</summary>
    private Problem Relocate(Problem problem, ItemShape shape)
    {
        var errors = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (var (error, messages) in problem.Errors!)
        {
            var (target, property) = Relocate(error, shape);
            var told = target.Length > 0 || property is null ? messages : [.. messages.Select(message => $"must be an object: '{property}' {message}")];
            errors[target] = errors.TryGetValue(target, out var earlier) ? [.. earlier, .. told] : told;
        }

        return Problem.InvalidRequest(errors);
    }

    /// <returns>Where the error is in the item; for a bare value also the property, unless the value represents it.</returns>
    private (string Pointer, string? Property) Relocate(string error, ItemShape shape)
    {
        for (var i = 0; i < _node.Properties.Length; i++)
        {
            var property = JsonPointer.Append("", _node.Properties[i].Name);
            if (error.StartsWith(property, StringComparison.Ordinal) && (error.Length == property.Length || error[property.Length] == '/'))
            {
                return shape == ItemShape.Starmap
                    ? (JsonPointer.Append("", i) + error[property.Length..], null)
                    : (error[property.Length..], i == 0 ? null : _node.Properties[i].Name);
            }
        }

        return (error, null);
    }
}
