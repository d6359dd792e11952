using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Webhooks;

/// <summary>Source-generated metadata of webhooks.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(DeliveryAttempt))]
[JsonSerializable(typeof(IReadOnlyList<DeliveryAttempt>))]
[JsonSerializable(typeof(DeliveryState))]
internal sealed partial class WebhookJsonContext : JsonSerializerContext;
