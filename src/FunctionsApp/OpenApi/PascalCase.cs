namespace FunctionsApp.OpenApi;

/// <summary>Names of types.</summary>
internal static class PascalCase
{
    /// <summary>
    /// Returns the words of a name, each with a capital: <c>MathSquare</c> for <c>math.square</c>. Only ASCII letters and digits remain.
    /// </summary>
    public static string Of(string name)
    {
        var words = new string([.. name.Select(static character => char.IsAsciiLetterOrDigit(character) ? character : ' ')])
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return string.Concat(words.Select(static word => char.ToUpperInvariant(word[0]) + word[1..]));
    }
}
