using System.Diagnostics.CodeAnalysis;
using System.Linq.Expressions;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json.Schema;

/// <summary>
/// Reads a record from the value of its first property alone; the other properties have their defaults. Most items of a
/// map have this form. Several times as fast as reading an object, because the constructor call is compiled once.
/// </summary>
internal abstract class BareValue<T>
{
    /// <summary>Checks a value and reads it.</summary>
    /// <param name="utf8">Text that may be invalid JSON.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest in it.</param>
    /// <exception cref="ProblemException">The value does not match the property's schema or type, or the text is not JSON.</exception>
    public abstract T Read(ReadOnlySpan<byte> utf8, int maxDepth);

    /// <summary>Reads an object that has the first property alone, with an integer: an item of a map often is one.</summary>
    /// <param name="utf8">The text of an object, which may be invalid JSON.</param>
    /// <param name="value">The record.</param>
    /// <returns>False for any other object.</returns>
    public abstract bool TryReadObject(ReadOnlySpan<byte> utf8, [MaybeNullWhen(false)] out T value);

    /// <summary>Creates a reader for a record that one value is enough for; null for any other type.</summary>
    /// <param name="schema">The record's schema.</param>
    public static BareValue<T>? Create(SchemaNode schema)
    {
        var properties = CoreJson.TypeInfo<T>().Properties;
        if (typeof(ICrossChecked).IsAssignableFrom(typeof(T))
            || typeof(T).GetConstructors() is not [var constructor]
            || constructor.GetParameters() is not [var first, .. var others]
            || !others.All(static parameter => parameter.HasDefaultValue)
            || !schema.Properties.Skip(1).All(static property => !property.Required)
            || properties.Count != others.Length + 1
            || properties[0] is not { CustomConverter: null } property
            || property.PropertyType != first.ParameterType
            || !string.Equals(property.Name, JsonNamingPolicy.CamelCase.ConvertName(first.Name!), StringComparison.Ordinal))
        {
            return null;
        }

        var value = Expression.Parameter(first.ParameterType);
        var call = Expression.New(constructor, [value, .. others.Select(static parameter => Default(parameter))]);
        return (BareValue<T>)Activator.CreateInstance(
            typeof(Reader<>).MakeGenericType(typeof(T), first.ParameterType),
            schema.Properties[0],
            Expression.Lambda(call, value).Compile())!;
    }

    private static Expression Default(ParameterInfo parameter) => parameter.DefaultValue is { } value
        ? Expression.Convert(Expression.Constant(value), parameter.ParameterType)
        : Expression.Default(parameter.ParameterType);

    private sealed class Reader<TValue>(SchemaProperty property, Func<TValue, T> construct) : BareValue<T>
    {
        private readonly SchemaNode _schema = property.Schema;
        private readonly byte[] _start = [.. "{\""u8, .. property.EncodedName.EncodedUtf8Bytes, .. "\":"u8];
        private readonly JsonTypeInfo<TValue> _typeInfo = CoreJson.TypeInfo<TValue>();
        private readonly JsonConverter<TValue>? _scalar = CoreJson.ScalarConverter<TValue>();

        public override bool TryReadObject(ReadOnlySpan<byte> utf8, [MaybeNullWhen(false)] out T value)
        {
            if (utf8.StartsWith(_start) && utf8[^1] == '}' && TryReadInteger(utf8[_start.Length..^1].Trim((byte)' '), out var integer))
            {
                value = construct(integer);
                return true;
            }

            value = default;
            return false;
        }

        public override T Read(ReadOnlySpan<byte> utf8, int maxDepth) => construct(
            TryReadInteger(utf8, out var value) || (_scalar is not null && SchemaCheck.TryRead(_schema, utf8, maxDepth, _scalar, out value))
                ? value
                : CheckedReader.Read(_schema, _typeInfo, utf8, "", maxDepth));

        /// <summary>Checks and reads text that is only the digits of a 64-bit integer.</summary>
        /// <returns>False for any other text or type.</returns>
        private bool TryReadInteger(ReadOnlySpan<byte> utf8, [MaybeNullWhen(false)] out TValue value)
        {
            if ((typeof(TValue) == typeof(long) || typeof(TValue) == typeof(Number)) && IntegerText.TryReadDigits(utf8, out var integer) && _schema.Fits(integer))
            {
                value = typeof(TValue) == typeof(long) ? (TValue)(object)integer : (TValue)(object)(Number)integer;
                return true;
            }

            value = default;
            return false;
        }
    }
}
