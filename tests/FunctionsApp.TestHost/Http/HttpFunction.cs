using System.Text.Json;
using System.Text.Json.Serialization;
using FunctionsApp.TestHost.Protocol;

namespace FunctionsApp.TestHost.Http;

/// <summary>A function that HTTP requests trigger.</summary>
/// <param name="Metadata">What the worker says of it.</param>
/// <param name="Trigger">Its trigger.</param>
internal sealed record HttpFunction(RpcFunctionMetadata Metadata, HttpTrigger Trigger)
{
    /// <summary>Its route below the prefix.</summary>
    public string Route => Trigger.Route ?? Metadata.Name;

    /// <summary>Reads what the worker says of a function; null when something else triggers it.</summary>
    public static HttpFunction? From(RpcFunctionMetadata metadata) =>
        metadata.RawBindings
            .Select(static binding => JsonSerializer.Deserialize(binding, HttpTriggerJson.Default.HttpTrigger)!)
            .FirstOrDefault(static trigger => trigger.Type.Equals("httpTrigger", StringComparison.OrdinalIgnoreCase)) is { } trigger
            ? new HttpFunction(metadata, trigger)
            : null;
}

/// <summary>A binding of type <c>httpTrigger</c>.</summary>
/// <param name="Type">The binding's type.</param>
/// <param name="Name">The parameter that receives the request.</param>
/// <param name="AuthLevel">What a caller must show; <c>Function</c> when it does not say.</param>
/// <param name="Methods">The methods that it answers; all when there are none.</param>
/// <param name="Route">The route template.</param>
internal sealed record HttpTrigger(string Type, string Name, AuthLevel AuthLevel = AuthLevel.Function, string[]? Methods = null, string? Route = null);

/// <summary>What a caller of a function must show.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<AuthLevel>))]
internal enum AuthLevel
{
    /// <summary>Nothing.</summary>
    Anonymous,

    /// <summary>A function key.</summary>
    Function,

    /// <summary>The master key.</summary>
    Admin,
}

/// <summary>Metadata of bindings.</summary>
[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true)]
[JsonSerializable(typeof(HttpTrigger))]
internal sealed partial class HttpTriggerJson : JsonSerializerContext;
