using System.Buffers;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Reads the items of a map as inputs of an operation.</summary>
/// <param name="contract">The contract of the input.</param>
internal sealed class ItemReader<T>(JsonContract<T> contract)
{
    private readonly IntegerItem<T>? _integer = IntegerItem<T>.Create(contract.Node);

    /// <summary>Reads an item.</summary>
    /// <param name="item">Text that may be invalid JSON.</param>
    /// <param name="isStarmap">
    /// Whether the item is an array of the values of the input's properties, in order. Otherwise it is the input object, or a
    /// bare value for the first property.
    /// </param>
    /// <param name="maxDepth">How deep arrays and objects may nest in it.</param>
    /// <exception cref="ProblemException">
    /// <c>invalid-request</c> with every error, their pointers starting at the item; <c>malformed-json</c>; <c>too-large</c>.
    /// </exception>
    public T Read(ReadOnlySpan<byte> item, bool isStarmap, int maxDepth) =>
        isStarmap ? ReadArray(item, maxDepth)
        : _integer is not null && _integer.TryRead(item, out var input) ? input
        : contract.ReadObjectOrBareValue(item, maxDepth);

    private T ReadArray(ReadOnlySpan<byte> item, int maxDepth)
    {
        if (SchemaCheck.Run(SchemaNode.Any, item, maxDepth) is { } errors)
        {
            throw new ProblemException(errors.ToProblem(""));
        }

        var input = new ArrayBufferWriter<byte>(256);
        WriteObject(input, item);
        using var text = SourceText.Open(input.WrittenMemory);
        try
        {
            return contract.Read(input.WrittenSpan, "");
        }
        catch (ProblemException exception) when (exception.Problem.Errors is { } found)
        {
            throw new ProblemException(Problem.InvalidRequest(found.ToDictionary(
                error => InArray(error.Key), static error => error.Value, StringComparer.Ordinal)));
        }
    }

    /// <summary>Writes the values of an array as an object: the schema and the metadata of an input cover objects only.</summary>
    private void WriteObject(ArrayBufferWriter<byte> input, ReadOnlySpan<byte> array)
    {
        var reader = new Utf8JsonReader(array, new JsonReaderOptions { MaxDepth = CoreJson.MaxDepth });
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new ProblemException(Problem.InvalidRequest("", "must be an array of the input's values, because starmap is set"));
        }

        input.Write("{"u8);
        for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            input.Write(i == 0 ? ""u8 : ","u8);
            contract.WriteProperty(input, i, array[start..(int)reader.BytesConsumed]);
        }

        input.Write("}"u8);
    }

    /// <summary>Returns the place in the array of an error in the object.</summary>
    private string InArray(string pointer)
    {
        var index = contract.IndexOf(pointer, out var below);
        return index < 0 ? pointer : JsonPointer.Append("", index) + below;
    }
}
