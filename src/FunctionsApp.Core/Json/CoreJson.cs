using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace FunctionsApp.Core.Json;

/// <summary>
/// The JSON settings of the whole project. Each folder and each project adds its source-generated metadata. Types without
/// it are read by reflection, once, when they are first used.
/// </summary>
public static class CoreJson
{
    /// <summary>Deeper than any body within <see cref="Limits.LimitsOptions.MaxDepth"/>, with room for the response around it.</summary>
    internal const int MaxDepth = 600;

    private static readonly ContextChain Contexts = new();

    /// <summary>camelCase; strict about unknown and repeated properties; only the escapes that the framework requires; null properties are omitted.</summary>
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>Adds source-generated metadata. Types that were used before keep their metadata.</summary>
    /// <param name="contexts">The metadata; what is already present is not added again.</param>
    public static void Add(params ReadOnlySpan<IJsonTypeInfoResolver> contexts) => Contexts.Add(contexts);

    /// <summary>Returns the metadata of a type.</summary>
    public static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    /// <summary>
    /// Returns the converter of a number or boolean type; null for any other type. A direct call takes a fraction of the
    /// serializer's time.
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

    /// <summary>The added metadata, in the order of its addition. Thread-safe.</summary>
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
