using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Patterns.Streaming;

/// <summary>Source-generated metadata of streams.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(StreamEnd))]
internal sealed partial class StreamJsonContext : JsonSerializerContext;
