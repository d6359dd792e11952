using System.Text.Json;
using System.Text.Json.Serialization;

namespace BareKestrel;

/// <summary>Answer of <c>health/live</c>.</summary>
internal sealed record Health(string Status);

/// <summary>Input of <c>await/echo</c>.</summary>
internal sealed record EchoInput(JsonElement Value);

/// <summary>Answer of <c>await/echo</c>.</summary>
internal sealed record EchoResponse(string Operation, JsonElement Result, double ElapsedMs);

/// <summary>Source-generated metadata, as ours has.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Health))]
[JsonSerializable(typeof(EchoInput))]
[JsonSerializable(typeof(EchoResponse))]
internal sealed partial class BareJson : JsonSerializerContext;
