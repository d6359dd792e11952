namespace FunctionsApp.Core.Problems;

/// <summary>Shortens a caller's text for a response: the response to a hostile request must stay small.</summary>
public static class Excerpt
{
    /// <summary>The number of characters of a name that are shown.</summary>
    public const int MaxNameCharacters = 100;

    /// <summary>Returns the text, or its beginning and an ellipsis.</summary>
    /// <param name="text">The text.</param>
    /// <param name="maxCharacters">How many of its characters are shown.</param>
    public static string Of(string text, int maxCharacters = MaxNameCharacters) => text.Length <= maxCharacters
        ? text
        : string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[maxCharacters - 1]) ? maxCharacters - 1 : maxCharacters), "…");
}
