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

    /// <summary>
    /// camelCase; strict about unknown and repeated properties; only the escapes that the framework requires; null properties are
    /// omitted.
    /// </summary>
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>
    /// As <see cref="Options"/>, for records that the app stores: another version may have written them. Unknown properties are
    /// ignored, and what may be null may be absent. Enum values are names. A record without one of its other parts is a
    /// <see cref="JsonException"/>, as is an unknown name: no default would be true.
    /// </summary>
    public static JsonSerializerOptions Stored { get; } = CreateStored();

    /// <summary>Adds source-generated metadata. Types that were used before keep their metadata.</summary>
    /// <param name="contexts">The metadata; what is already present is not added again.</param>
    public static void Add(params ReadOnlySpan<IJsonTypeInfoResolver> contexts) => Contexts.Add(contexts);

    /// <summary>Returns the metadata of a type.</summary>
    public static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    /// <summary>Returns the metadata of a type for <see cref="Stored"/>.</summary>
    public static JsonTypeInfo<T> StoredTypeInfo<T>() => (JsonTypeInfo<T>)Stored.GetTypeInfo(typeof(T));

    /// <summary>Reads a stored record.</summary>
    /// <exception cref="JsonException">It cannot be read, or is <c>null</c>.</exception>
    public static T ReadStored<T>(ReadOnlySpan<byte> utf8)
        where T : class => JsonSerializer.Deserialize(utf8, StoredTypeInfo<T>())
            ?? throw new JsonException($"The {typeof(T).Name} is null.");

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

    private static JsonSerializerOptions CreateStored()
    {
        var options = new JsonSerializerOptions(Options)
        {
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
            TypeInfoResolver = Options.TypeInfoResolver!.WithAddedModifier(RequireNoNulls),
        };
        options.MakeReadOnly();
        return options;
    }

    /// <summary>Null properties are not written, so reading must not require them.</summary>
    private static void RequireNoNulls(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
        {
            property.IsRequired &= !property.IsSetNullable;
        }
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

        public JsonTypeInfo? GetTypeInfo(Type type, JsonSerializerOptions options) =>
            _contexts.Select(context => context.GetTypeInfo(type, options)).FirstOrDefault(static found => found is not null);
    }
}
