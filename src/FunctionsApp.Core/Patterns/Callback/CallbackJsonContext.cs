using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Patterns.Callback;

/// <summary>Source-generated metadata of callbacks.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(CallbackRequest))]
[JsonSerializable(typeof(CallbackResponse))]
internal sealed partial class CallbackJsonContext : JsonSerializerContext;
