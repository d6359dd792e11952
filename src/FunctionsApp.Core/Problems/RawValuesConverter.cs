using System.Text.Json;
using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Problems;

/// <summary>Writes an array of values that are already JSON.</summary>
internal sealed class RawValuesConverter : JsonConverter<IReadOnlyList<ReadOnlyMemory<byte>>>
{
    public override IReadOnlyList<ReadOnlyMemory<byte>> Read(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Problems are not read.");

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<ReadOnlyMemory<byte>> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var item in value)
        {
            writer.WriteRawValue(item.Span, skipInputValidation: true);
        }

        writer.WriteEndArray();
    }
}
