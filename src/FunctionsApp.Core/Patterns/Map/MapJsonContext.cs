using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Source-generated metadata of maps.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(MapRequest))]
[JsonSerializable(typeof(NamedMapRequest))]
[JsonSerializable(typeof(MapOptions))]
[JsonSerializable(typeof(MapResponse))]
[JsonSerializable(typeof(MapSummary))]
[JsonSerializable(typeof(MapChunk))]
internal sealed partial class MapJsonContext : JsonSerializerContext;
