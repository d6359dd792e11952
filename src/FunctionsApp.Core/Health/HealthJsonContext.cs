using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Health;

/// <summary>Source-generated metadata of health.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(HealthResponse))]
internal sealed partial class HealthJsonContext : JsonSerializerContext;
