using System.Text.Json.Serialization;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Orchestration;
using FunctionsApp.Durable.Storage;

namespace FunctionsApp.Durable;

/// <summary>Source-generated metadata of what the engine stores.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(TaskStart))]
[JsonSerializable(typeof(DurableStatus))]
[JsonSerializable(typeof(AttemptOrder))]
[JsonSerializable(typeof(AttemptResult))]
[JsonSerializable(typeof(DeliveryOrder))]
[JsonSerializable(typeof(Delivery))]
[JsonSerializable(typeof(CancelEvent))]
[JsonSerializable(typeof(Removal))]
[JsonSerializable(typeof(AttemptState))]
[JsonSerializable(typeof(KeyEntry))]
internal sealed partial class DurableJsonContext : JsonSerializerContext;
