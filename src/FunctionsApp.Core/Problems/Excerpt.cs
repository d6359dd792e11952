namespace FunctionsApp.Core.Problems;

/// <summary>Cuts text of the caller's to what goes into a response: the answer to a hostile request must stay small.</summary>
public static class Excerpt
{
    /// <summary>The characters of a name that are shown.</summary>
    public const int MaxNameCharacters = 100;

    /// <summary>The text, or its beginning and an ellipsis.</summary>
    /// <param name="text">The text.</param>
    /// <param name="maxCharacters">How many characters of it are shown.</param>
    public static string Of(string text, int maxCharacters = MaxNameCharacters) => text.Length <= maxCharacters
        ? text
        : string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[maxCharacters - 1]) ? maxCharacters - 1 : maxCharacters), "…");
}
