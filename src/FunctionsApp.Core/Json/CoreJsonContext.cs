using System.Text.Json;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Patterns.Callback;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Health;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Patterns.Sequence;
using FunctionsApp.Core.Patterns.Streaming;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Json;

/// <summary>Source-generated metadata of all requests and answers.</summary>
[JsonSerializable(typeof(AwaitAnswer))]
[JsonSerializable(typeof(SequenceRequest))]
[JsonSerializable(typeof(SequenceAnswer))]
[JsonSerializable(typeof(CallbackRequest))]
[JsonSerializable(typeof(CallbackAnswer))]
[JsonSerializable(typeof(GatherRequest))]
[JsonSerializable(typeof(GatherAnswer))]
[JsonSerializable(typeof(GatherSummary))]
[JsonSerializable(typeof(MapRequest))]
[JsonSerializable(typeof(MapOptions))]
[JsonSerializable(typeof(MapAnswer))]
[JsonSerializable(typeof(MapSummary))]
[JsonSerializable(typeof(MapChunk))]
[JsonSerializable(typeof(StreamEnd))]
[JsonSerializable(typeof(HealthAnswer))]
[JsonSerializable(typeof(OperationList))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(TaskRequest))]
[JsonSerializable(typeof(PatternTaskRequest))]
[JsonSerializable(typeof(NamedMapRequest))]
[JsonSerializable(typeof(TaskListRequest))]
[JsonSerializable(typeof(TaskDefinition))]
[JsonSerializable(typeof(TaskAnswer))]
[JsonSerializable(typeof(TaskList))]
[JsonSerializable(typeof(TaskMessage))]
[JsonSerializable(typeof(DeliveryList))]
[JsonSerializable(typeof(DeliveryAttempt))]
[JsonSerializable(typeof(IReadOnlyList<DeliveryAttempt>))]
[JsonSerializable(typeof(DeliveryState))]
[JsonSerializable(typeof(List<RawJson>))]
[JsonSerializable(typeof(Dictionary<string, JsonElement>))]
[JsonSerializable(typeof(Number))]
internal sealed partial class CoreJsonContext : JsonSerializerContext;
