using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FunctionsApp.Operations;

namespace FunctionsApp.Core.Json;

/// <summary>
/// How the project reads and writes JSON, everywhere. What is built in has source-generated metadata; an operation that is
/// added later needs none, its records fall back to reflection once, when the operation is first used.
/// </summary>
public static class CoreJson
{
    /// <summary>Deeper than any body that <see cref="Limits.LimitsOptions.MaxDepth"/> lets in, with room for the answer around it.</summary>
    internal const int MaxDepth = 600;

    /// <summary>camelCase, strict about unknown and repeated properties, no more escapes in text than the framework insists on, absent instead of null.</summary>
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>The metadata of a type.</summary>
    public static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    /// <summary>
    /// The converter of numbers and booleans: called directly it takes a fraction of the serializer's time. Null for any other
    /// type.
    /// </summary>
    internal static JsonConverter<T>? ScalarConverter<T>() =>
        typeof(T) == typeof(Number) || typeof(T) == typeof(long) || typeof(T) == typeof(double) || typeof(T) == typeof(bool)
            ? (JsonConverter<T>)TypeInfo<T>().Converter
            : null;

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            AllowDuplicateProperties = false,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            MaxDepth = MaxDepth,
            TypeInfoResolver = JsonTypeInfoResolver.Combine(CoreJsonContext.Default, BuiltInJsonContext.Default, new DefaultJsonTypeInfoResolver()),
        };
        options.MakeReadOnly();
        return options;
    }
}
