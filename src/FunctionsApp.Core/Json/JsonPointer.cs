using System.Globalization;
using System.Text;
using System.Text.Json;

namespace FunctionsApp.Core.Json;

/// <summary>JSON pointers (RFC 6901).</summary>
internal static class JsonPointer
{
    /// <summary>The pointer to a property of what <paramref name="pointer"/> points to.</summary>
    public static string Append(string pointer, string property) =>
        $"{pointer}/{property.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    /// <summary>The pointer to an element of the array that <paramref name="pointer"/> points to.</summary>
    public static string Append(string pointer, int index) =>
        string.Create(CultureInfo.InvariantCulture, $"{pointer}/{index}");

    /// <summary>Splits a pointer into its unescaped tokens; none for the empty pointer, null when it is not a pointer.</summary>
    public static string[]? Split(string pointer)
    {
        if (pointer.Length == 0)
        {
            return [];
        }

        if (pointer[0] != '/')
        {
            return null;
        }

        return Array.ConvertAll(pointer[1..].Split('/'), static token =>
            token.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal));
    }

    /// <summary>Follows tokens down from a value; null when they lead nowhere.</summary>
    public static JsonElement? Follow(JsonElement value, ReadOnlySpan<string> tokens)
    {
        foreach (var token in tokens)
        {
            switch (value.ValueKind)
            {
                case JsonValueKind.Object when value.TryGetProperty(token, out var property):
                    value = property;
                    break;
                case JsonValueKind.Array when ArrayIndex(token) is { } index && index < value.GetArrayLength():
                    value = value[index];
                    break;
                default:
                    return null;
            }
        }

        return value;
    }

    /// <summary>The index that a token means in an array: digits without a leading zero.</summary>
    public static int? ArrayIndex(string token) =>
        token is "0" || (token.Length is > 0 and < 10 && token[0] is >= '1' and <= '9' && token.All(char.IsAsciiDigit))
            ? int.Parse(token, CultureInfo.InvariantCulture)
            : null;

    /// <summary>Turns the path of a <see cref="JsonException"/>, as <c>$.items[3].x</c>, into a pointer.</summary>
    public static string FromPath(string? path)
    {
        var pointer = new StringBuilder();
        for (var i = 1; i < path?.Length; i++)
        {
            if (path[i] == '.')
            {
                var end = path.AsSpan(i + 1).IndexOfAny('.', '[');
                end = end < 0 ? path.Length : i + 1 + end;
                pointer.Append('/').Append(path, i + 1, end - i - 1);
                i = end - 1;
            }
            else if (path[i] == '[')
            {
                var end = path.IndexOf(']', i);
                pointer.Append('/').Append(path[(i + 1)..end].Trim('\''));
                i = end;
            }
        }

        return pointer.ToString();
    }
}
