using System.Linq.Expressions;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace FunctionsApp.Core.Json;

/// <summary>
/// Reads a record from the value of its first property alone, the others having their defaults: what most items of a map
/// are. Several times as fast as reading an object, and made by compiling the constructor's call once.
/// </summary>
internal abstract class BareValue<T>
{
    /// <summary>Reads a value that has passed the property's schema.</summary>
    /// <exception cref="JsonException">It does not fit the type.</exception>
    public abstract T Read(ReadOnlySpan<byte> utf8);

    /// <summary>A reader for a record that one value is enough for; null for any other type.</summary>
    /// <param name="schema">The record's schema.</param>
    public static BareValue<T>? Create(SchemaNode schema)
    {
        var properties = CoreJson.TypeInfo<T>().Properties;
        if (typeof(T).GetConstructors() is not [var constructor]
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
            Expression.Lambda(call, value).Compile())!;
    }

    private static Expression Default(ParameterInfo parameter) => parameter.DefaultValue is { } value
        ? Expression.Convert(Expression.Constant(value), parameter.ParameterType)
        : Expression.Default(parameter.ParameterType);

    private sealed class Reader<TValue>(Func<TValue, T> construct) : BareValue<T>
    {
        private readonly JsonTypeInfo<TValue> _typeInfo = CoreJson.TypeInfo<TValue>();

        public override T Read(ReadOnlySpan<byte> utf8) => construct(JsonSerializer.Deserialize(utf8, _typeInfo)!);
    }
}
