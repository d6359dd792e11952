using System.Globalization;
using System.Net.Http.Headers;

namespace FunctionsApp.Core.Outbound;

/// <summary>Reads a <c>Retry-After</c> (RFC 9110, 10.2.3).</summary>
internal static class RetryAfter
{
    /// <summary>The longest pause that is told: no timer runs for much longer.</summary>
    public static readonly TimeSpan Max = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>The pause that a header asks for; null if it is neither a number of seconds nor a date.</summary>
    /// <param name="value">The header's value.</param>
    /// <param name="now">What a date is compared with.</param>
    /// <remarks>The framework's own reader takes a number past 32 bits for no header at all, and so for the shortest pause.</remarks>
    public static TimeSpan? Parse(ReadOnlySpan<char> value, DateTimeOffset now)
    {
        var text = value.Trim();
        if (text.Length > 0 && !text.ContainsAnyExceptInRange('0', '9'))
        {
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds < Max.TotalSeconds ? TimeSpan.FromSeconds(seconds) : Max;
        }

        return RetryConditionHeaderValue.TryParse(text.ToString(), out var date) && date.Date - now is { } pause ? (pause < Max ? pause : Max) : null;
    }
}
