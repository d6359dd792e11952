using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace FunctionsApp.Core.Json;

/// <summary>
/// How the project reads and writes JSON, everywhere. Each folder and each project adds its source-generated metadata. Types
/// without any are read by reflection, once, when they are first used.
/// </summary>
public static class CoreJson
{
    /// <summary>Deeper than any body that <see cref="Limits.LimitsOptions.MaxDepth"/> lets in, with room for the answer around it.</summary>
    internal const int MaxDepth = 600;

    private static readonly ContextChain Contexts = new();

    /// <summary>camelCase, strict about unknown and repeated properties, no more escapes in text than the framework insists on, absent instead of null.</summary>
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>Adds source-generated metadata. Types that were used before keep what they have.</summary>
    /// <param name="contexts">The metadata; what has been added before is not added again.</param>
    public static void Add(params ReadOnlySpan<IJsonTypeInfoResolver> contexts) => Contexts.Add(contexts);

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
            TypeInfoResolver = JsonTypeInfoResolver.Combine(RawJsonContext.Default, Contexts, new DefaultJsonTypeInfoResolver()),
        };
        options.MakeReadOnly();
        return options;
    }

    /// <summary>Metadata that was added, in that order. Thread-safe.</summary>
    private sealed class ContextChain : IJsonTypeInfoResolver
    {
        private readonly Lock _adding = new();
        private volatile IJsonTypeInfoResolver[] _contexts = [];

        public void Add(ReadOnlySpan<IJsonTypeInfoResolver> contexts)
        {
            lock (_adding)
            {
                _contexts = [.. _contexts.Union(contexts.ToArray())];
            }
        }

        public JsonTypeInfo? GetTypeInfo(Type type, JsonSerializerOptions options)
        {
            foreach (var context in _contexts)
            {
                if (context.GetTypeInfo(type, options) is { } found)
                {
                    return found;
                }
            }

            return null;
        }
    }
}
