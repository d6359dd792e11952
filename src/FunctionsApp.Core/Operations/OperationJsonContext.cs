using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Operations;

/// <summary>Source-generated metadata of the catalog.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(OperationList))]
internal sealed partial class OperationJsonContext : JsonSerializerContext;
