using System.Text.Json;
using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Json;

/// <summary>A request whose <see cref="JsonItems"/> are only split when it is read, if they are many: who takes an item reads it.</summary>
internal interface IHasItems;

/// <summary>The elements of one JSON array, as parts of the text that they came in: a million elements need no million objects.</summary>
[JsonConverter(typeof(JsonItemsConverter))]
public readonly struct JsonItems : IJsonArray
{
    private readonly ItemIndex? _index;
    private readonly Action? _check;

    /// <summary>Stores where the elements are.</summary>
    /// <param name="index">The elements.</param>
    /// <param name="check">Throws if the text is not a valid request; null if that is known.</param>
    internal JsonItems(ItemIndex index, Action? check) => (_index, _check) = (index, check);

    /// <summary>The number of elements.</summary>
    public int Count => _index?.Count ?? 0;

    /// <summary>Whether the elements have only been split: <see cref="EnsureValid"/> tells whether they are JSON.</summary>
    internal bool AreUnchecked => _check is not null;

    /// <summary>The size of the text in bytes, including what surrounds the elements.</summary>
    internal int Size => _index?.Text.Length ?? 0;

    /// <summary>The text that holds the elements.</summary>
    internal ReadOnlySpan<byte> Text => _index is null ? default : _index.Text;

    /// <summary>Checks the whole request that the elements came in.</summary>
    /// <exception cref="Problems.ProblemException">What is wrong with it.</exception>
    internal void EnsureValid() => _check?.Invoke();

    /// <summary>Returns the elements from one on, as ranges of <see cref="Text"/>.</summary>
    /// <param name="element">From 0.</param>
    internal ItemSplitter From(int element) => _index!.From(element);
}

/// <summary>Reads <see cref="JsonItems"/>.</summary>
internal sealed class JsonItemsConverter : JsonConverter<JsonItems>
{
    public override JsonItems Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        SourceText.ReadItems(ref reader);

    public override void Write(Utf8JsonWriter writer, JsonItems value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        var items = value.Count > 0 ? value.From(0) : default;
        for (var i = 0; i < value.Count; i++)
        {
            writer.WriteRawValue(value.Text[items.Next()], skipInputValidation: true);
        }

        writer.WriteEndArray();
    }
}
