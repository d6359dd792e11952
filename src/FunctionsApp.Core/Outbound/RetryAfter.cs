using System.Globalization;
using System.Net.Http.Headers;

namespace FunctionsApp.Core.Outbound;

/// <summary><c>Retry-After</c> (RFC 9110, 10.2.3).</summary>
internal static class RetryAfter
{
    /// <summary>The maximum pause: no timer runs for much longer.</summary>
    public static readonly TimeSpan Max = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>Returns the pause that a header requests; null if the value is neither a number of seconds nor a date.</summary>
    /// <param name="value">The header's value.</param>
    /// <param name="now">The time to compare a date with.</param>
    /// <remarks>The framework's parser ignores a number that exceeds 32 bits, which would mean the shortest pause.</remarks>
    public static TimeSpan? Parse(ReadOnlySpan<char> value, DateTimeOffset now)
    {
        var text = value.Trim();
        if (text.Length > 0 && !text.ContainsAnyExceptInRange('0', '9'))
        {
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds < Max.TotalSeconds
                ? TimeSpan.FromSeconds(seconds)
                : Max;
        }

        return RetryConditionHeaderValue.TryParse(text.ToString(), out var date) && date.Date - now is { } pause
            ? (pause < Max ? pause : Max)
            : null;
    }

    /// <summary>Returns the pause before a retry: the sender's own, unless the receiver requests a longer one.</summary>
    public static TimeSpan Longer(TimeSpan pause, TimeSpan? requested) => requested > pause ? requested.Value : pause;
}
