using System.Globalization;
using System.Text.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>JSON pointers (RFC 6901).</summary>
public static class JsonPointer
{
    /// <summary>Returns the pointer to a property of what <paramref name="pointer"/> points to.</summary>
    public static string Append(string pointer, string property) =>
        $"{pointer}/{Escape(property)}";

    /// <summary>Escapes a property's name as a token of a pointer; a long name is cut.</summary>
    public static string Escape(string property) =>
        Excerpt.Of(property).Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    /// <summary>Returns the pointer to an element of the array that <paramref name="pointer"/> points to.</summary>
    public static string Append(string pointer, int index) =>
        string.Create(CultureInfo.InvariantCulture, $"{pointer}/{index}");

    /// <summary>Splits a pointer into its unescaped tokens; none for the empty pointer, null for an invalid one.</summary>
    public static string[]? Split(string pointer)
    {
        if (pointer.Length == 0)
        {
            return [];
        }

        if (pointer[0] != '/' || HasBrokenEscape(pointer))
        {
            return null;
        }

        return Array.ConvertAll(pointer[1..].Split('/'), static token =>
            token.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal));
    }

    /// <summary>Follows tokens down from a value; null if they lead nowhere.</summary>
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

    /// <summary>Reads a token as an array index: digits without a leading zero.</summary>
    public static int? ArrayIndex(string token) =>
        token is "0" || (token.Length is > 0 and < 10 && token[0] is >= '1' and <= '9' && token.All(char.IsAsciiDigit))
            ? int.Parse(token, CultureInfo.InvariantCulture)
            : null;

    /// <summary>
    /// Converts the path of a <see cref="JsonException"/>, such as <c>$.items[3].x</c>, to a pointer. Names with special
    /// characters have the form <c>['a.b']</c>.
    /// </summary>
    public static string FromPath(string? path)
    {
        var pointer = "";
        var rest = path.AsSpan(path is null ? 0 : 1);
        while (!rest.IsEmpty)
        {
            if (rest.StartsWith("['"))
            {
                var end = EndOfName(rest);
                pointer = Append(pointer, rest[2..end].ToString().Replace("\\'", "'", StringComparison.Ordinal));
                rest = rest[Math.Min(end + 2, rest.Length)..];
            }
            else
            {
                // Skips the dot or bracket at the start.
                var length = rest[1..].IndexOfAny('.', '[');
                var token = length < 0 ? rest[1..] : rest.Slice(1, length);
                pointer = Append(pointer, token.TrimEnd(']').ToString());
                rest = rest[(1 + token.Length)..];
            }
        }

        return pointer;
    }

    /// <summary>Finds the quote that ends a name in brackets: only another token, or the end, may follow it.</summary>
    private static int EndOfName(ReadOnlySpan<char> rest)
    {
        for (var i = 2; i + 1 < rest.Length; i++)
        {
            if (rest[i] == '\'' && rest[i + 1] == ']' && (i + 2 == rest.Length || rest[i + 2] is '.' or '['))
            {
                return i;
            }
        }

        return rest.Length;
    }

    private static bool HasBrokenEscape(string pointer)
    {
        for (var i = 0; i < pointer.Length; i++)
        {
            if (pointer[i] == '~' && (i + 1 == pointer.Length || pointer[i + 1] is not ('0' or '1')))
            {
                return true;
            }
        }

        return false;
    }
}
