namespace FunctionsApp.Http;

/// <summary>Splits the values of headers (RFC 9110, section 5.6).</summary>
internal static class HeaderValue
{
    /// <summary>Splits a value where <paramref name="separator"/> is not in a quoted string, and trims the parts.</summary>
    /// <param name="value">The value of one header line.</param>
    /// <param name="separator">The comma of a list, or the semicolon before a parameter.</param>
    public static IEnumerable<string> Split(string? value, char separator)
    {
        var (text, start, isQuoted) = (value ?? "", 0, false);
        for (var i = 0; i < text.Length; i++)
        {
            if (isQuoted && text[i] == '\\')
            {
                i++;
            }
            else if (text[i] == '"')
            {
                isQuoted = !isQuoted;
            }
            else if (text[i] == separator && !isQuoted)
            {
                yield return Trim(text[start..i]);
                start = i + 1;
            }
        }

        yield return Trim(text[start..]);
    }

    private static string Trim(string part) => part.Trim(' ', '\t');
}
