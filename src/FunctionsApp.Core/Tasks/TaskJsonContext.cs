using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Tasks;

/// <summary>Source-generated metadata of tasks.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(TaskRequest))]
[JsonSerializable(typeof(PatternTaskRequest))]
[JsonSerializable(typeof(TaskListRequest))]
[JsonSerializable(typeof(TaskDefinition))]
[JsonSerializable(typeof(TaskResponse))]
[JsonSerializable(typeof(TaskList))]
[JsonSerializable(typeof(TaskMessage))]
[JsonSerializable(typeof(DeliveryList))]
internal sealed partial class TaskJsonContext : JsonSerializerContext;
