using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Patterns.Sequence;

/// <summary>Source-generated metadata of sequences.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(SequenceRequest))]
[JsonSerializable(typeof(SequenceResponse))]
internal sealed partial class SequenceJsonContext : JsonSerializerContext;
