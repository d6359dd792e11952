using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Linq.Expressions;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Items that are only the digits of an integer, as most numbers are.</summary>
internal static class IntegerItem
{
    /// <summary>Reads a text that is only the digits of a JSON integer of 64 bits: no leading zeros, no plus sign.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out long integer)
    {
        integer = 0;
        var digits = text is [(byte)'-', ..] ? text[1..] : text;
        return digits is [(byte)'0'] or [>= (byte)'1' and <= (byte)'9', ..]
            && Utf8Parser.TryParse(text, out integer, out var read) && read == text.Length;
    }
}

/// <summary>
/// Reads an input of one integer. Several times as fast as reading an object, because the constructor call is compiled once: the
/// benchmark of a million squares.
/// </summary>
internal sealed class IntegerItem<T>
{
    private readonly SchemaNode _schema;
    private readonly byte[] _start;

    /// <summary>Calls the constructor of the input: the expression that <see cref="Create"/> compiles.</summary>
    private readonly Func<long, T> _construct;

    private IntegerItem(SchemaProperty property, Func<long, T> construct)
    {
        (_schema, _construct) = (property.Schema, construct);
        _start = [.. "{\""u8, .. property.EncodedName.EncodedUtf8Bytes, .. "\":"u8];
    }

    /// <summary>Creates a reader for an input of one 64-bit integer or <see cref="Number"/>; null for others.</summary>
    /// <param name="schema">The schema of the input.</param>
    public static IntegerItem<T>? Create(SchemaNode schema)
    {
        if (typeof(ICrossChecked).IsAssignableFrom(typeof(T))
            || typeof(T).GetConstructors() is not [var constructor]
            || constructor.GetParameters() is not [var parameter]
            || (parameter.ParameterType != typeof(long) && parameter.ParameterType != typeof(Number))
            || CoreJson.TypeInfo<T>().Properties is not [{ CustomConverter: null } property]
            || property.PropertyType != parameter.ParameterType
            || !string.Equals(property.Name, JsonNamingPolicy.CamelCase.ConvertName(parameter.Name!), StringComparison.Ordinal))
        {
            return null;
        }

        var integer = Expression.Parameter(typeof(long));
        var call = Expression.New(constructor, Expression.Convert(integer, parameter.ParameterType));
        return new IntegerItem<T>(schema.Properties[0], Expression.Lambda<Func<long, T>>(call, integer).Compile());
    }

    /// <summary>Reads an integer, or an object that has the first property alone, with an integer.</summary>
    /// <param name="item">Text that may be invalid JSON.</param>
    /// <param name="input">The input.</param>
    /// <returns>False for any other item, and for an integer out of range.</returns>
    public bool TryRead(ReadOnlySpan<byte> item, [MaybeNullWhen(false)] out T input)
    {
        if (item is [(byte)'{', .., (byte)'}'] && item.StartsWith(_start))
        {
            item = item[_start.Length..^1].Trim((byte)' ');
        }

        if (IntegerItem.TryParse(item, out var integer) && _schema.Fits(integer))
        {
            input = _construct(integer);
            return true;
        }

        input = default;
        return false;
    }
}
