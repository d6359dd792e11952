using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Patterns.Await;

/// <summary>Source-generated metadata of <c>await</c>.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(AwaitResponse))]
internal sealed partial class AwaitJsonContext : JsonSerializerContext;
