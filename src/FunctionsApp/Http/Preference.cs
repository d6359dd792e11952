using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Http;

/// <summary>A client's preference (RFC 7240). It is optional: a preference that is not understood is ignored, not refused.</summary>
/// <param name="RespondAsync">Whether the client prefers the response 202 to waiting for the work.</param>
/// <param name="WaitSeconds">How long the client would still wait for the work; null when absent.</param>
public readonly record struct Preference(bool RespondAsync, int? WaitSeconds)
{
    /// <summary>What was applied to a response without a wait, or after a timeout.</summary>
    internal string WhenAsync => WaitSeconds is null ? "respond-async" : "respond-async, " + WhenWaited;

    /// <summary>What was applied to a response after a wait.</summary>
    internal string WhenWaited => string.Create(CultureInfo.InvariantCulture, $"wait={WaitSeconds}");

    /// <summary>Reads the <c>Prefer</c> headers of a request; the first of repeated preferences counts.</summary>
    public static Preference Of(IHeaderDictionary headers)
    {
        if (headers["Prefer"] is not { Count: > 0 } preferences)
        {
            return default;
        }

        var (respondAsync, waits, seconds) = (false, false, (int?)null);
        foreach (var preference in preferences.SelectMany(static header => header?.Split(',') ?? []))
        {
            // Parameters after a semicolon are not used here.
            var parts = preference.Split(';')[0].Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts[0].Equals("respond-async", StringComparison.OrdinalIgnoreCase))
            {
                respondAsync = true;
            }
            else if (!waits && parts[0].Equals("wait", StringComparison.OrdinalIgnoreCase))
            {
                waits = true;
                seconds = parts is [_, var value] && int.TryParse(value.Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
            }
        }

        return new Preference(respondAsync, seconds);
    }
}
