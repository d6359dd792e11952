using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Json;

/// <summary>Source-generated metadata of values of any shape.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(List<RawJson>))]
[JsonSerializable(typeof(Number))]
internal sealed partial class RawJsonContext : JsonSerializerContext;
