using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Problems;

/// <summary>Source-generated metadata of problems.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(Problem))]
internal sealed partial class ProblemJsonContext : JsonSerializerContext;
