using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>JSON pointers (RFC 6901).</summary>
public static partial class JsonPointer
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
        var plain = pointer.Replace("~0", " ", StringComparison.Ordinal).Replace("~1", " ", StringComparison.Ordinal);
        if (plain.Contains('~', StringComparison.Ordinal) || (pointer.Length > 0 && pointer[0] != '/'))
        {
            return null;
        }

        return pointer.Length == 0 ? [] : Array.ConvertAll(pointer[1..].Split('/'), static token =>
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
        int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && (token.Length == 1 || token[0] != '0')
            ? index
            : null;

    /// <summary>
    /// Converts the path of a <see cref="JsonException"/>, such as <c>$.items[3].x</c>, to a pointer. Names with special
    /// characters have the form <c>['a.b']</c>.
    /// </summary>
    public static string FromPath(string? path) => string.Concat(Tokens().Matches(path ?? "")
        .Select(static token => Append("", token.Groups["name"].Value.Replace("\\'", "'", StringComparison.Ordinal))));

    [GeneratedRegex(
        @"\['(?<name>.*?)'\](?=[.[]|$)|\[(?<name>\d+)\]|\.(?<name>[^.[]*)", RegexOptions.Singleline, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Tokens();
}
