using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Patterns.Gather;

/// <summary>Source-generated metadata of gathers.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(GatherRequest))]
[JsonSerializable(typeof(GatherResponse))]
[JsonSerializable(typeof(GatherSummary))]
internal sealed partial class GatherJsonContext : JsonSerializerContext;
