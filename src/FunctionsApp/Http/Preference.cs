using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace FunctionsApp.Http;

/// <summary>A client's preference (RFC 7240). It is optional: a preference that is not understood is ignored, not refused.</summary>
/// <param name="RespondAsync">Whether the client prefers the response 202 to waiting for the work.</param>
/// <param name="WaitSeconds">How long the client would still wait for the work; null when absent.</param>
public readonly partial record struct Preference(bool RespondAsync, int? WaitSeconds)
{
    /// <summary>What was applied to a response without a wait, or after a timeout.</summary>
    internal string WhenAsync => WaitSeconds is null ? "respond-async" : "respond-async, " + WhenWaited;

    /// <summary>What was applied to a response after a wait.</summary>
    internal string WhenWaited => string.Create(CultureInfo.InvariantCulture, $"wait={WaitSeconds}");

    /// <summary>Reads the <c>Prefer</c> headers of a request; the first of repeated preferences counts.</summary>
    public static Preference Of(IHeaderDictionary headers)
    {
        if (headers["Prefer"] is not { Count: > 0 } lines)
        {
            return default;
        }

        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var preference in lines.SelectMany(static line => Preferences().Matches(line ?? "")))
        {
            // No preference that is used here has parameters.
            var parts = preference.Value.Split(';')[0].Split('=', 2, StringSplitOptions.TrimEntries);
            values.TryAdd(parts[0], parts is [_, var word] ? HeaderUtilities.UnescapeAsQuotedString(word).ToString() : "");
        }

        // An empty value is no value.
        return new Preference(
            values.TryGetValue("respond-async", out var none) && none.Length == 0,
            values.TryGetValue("wait", out var wait) && int.TryParse(wait, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                ? seconds
                : null);
    }

    /// <summary>Preferences are separated by commas that are not in a quoted string.</summary>
    [GeneratedRegex("""([^",]|"(\\.?|[^"\\])*("|$))+""", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Preferences();
}
