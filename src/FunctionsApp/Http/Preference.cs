using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Http;

/// <summary>What a client would rather have (RFC 7240). It is a wish: what is not understood is passed over, not refused.</summary>
/// <param name="RespondAsync">Whether it rather has the answer 202 than wait for the work.</param>
/// <param name="WaitSeconds">How long it would wait for the work all the same; null when it does not say.</param>
public readonly record struct Preference(bool RespondAsync, int? WaitSeconds)
{
    /// <summary>What an answer went by that did not wait, or in vain.</summary>
    internal string WhenAsync => WaitSeconds is null ? "respond-async" : "respond-async, " + WhenWaited;

    /// <summary>What an answer went by that waited for the work.</summary>
    internal string WhenWaited => string.Create(CultureInfo.InvariantCulture, $"wait={WaitSeconds}");

    /// <summary>Reads the <c>Prefer</c> headers of a request; of a preference that is given twice the first counts.</summary>
    public static Preference Of(IHeaderDictionary headers)
    {
        var (respondAsync, waits, seconds) = (false, false, (int?)null);
        foreach (var preference in headers["Prefer"].SelectMany(static header => header?.Split(',') ?? []))
        {
            // Parameters after a semicolon say nothing that is asked for here.
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
