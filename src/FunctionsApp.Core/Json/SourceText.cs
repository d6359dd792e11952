using System.Text.Json;

namespace FunctionsApp.Core.Json;

/// <summary>
/// The text that this thread is reading. The framework passes a converter tokens, but not their text. With the text, a value
/// that is only stored stays in it, instead of becoming a document of its own.
/// </summary>
internal static class SourceText
{
    [ThreadStatic]
    private static ReadOnlyMemory<byte> _current;

    /// <summary>Whether the thread reads a text that values may refer to.</summary>
    public static bool IsOpen => !_current.IsEmpty;

    /// <summary>Lets values refer to a text, from now until the scope ends: <see cref="ReadValue"/>.</summary>
    /// <param name="text">The text, from its first byte; null to leave the current one, at no cost.</param>
    public static Scope Open(ReadOnlyMemory<byte>? text)
    {
        if (text is not { } opened)
        {
            return default;
        }

        var scope = new Scope(_current);
        _current = opened;
        return scope;
    }

    /// <summary>Returns the text of the value that starts at the current token, and moves the reader to its end.</summary>
    public static ReadOnlyMemory<byte> ReadValue(ref Utf8JsonReader reader)
    {
        if (!IsOpen)
        {
            return RawJson.From(JsonElement.ParseValue(ref reader)).Utf8;
        }

        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return _current[start..(int)reader.BytesConsumed];
    }

    /// <summary>Ends the reading of a text, and restores the text around it.</summary>
    internal readonly ref struct Scope(ReadOnlyMemory<byte> text)
    {
        private readonly ReadOnlyMemory<byte> _text = text;
        private readonly bool _replaces = true;

        public void Dispose()
        {
            if (_replaces)
            {
                _current = _text;
            }
        }
    }
}
