namespace FunctionsApp.Core.Json;

/// <summary>
/// Integers however JSON writes them: 30, 30.0, 3e1, 300e-1. JSON Schema (2020-12, validation 6.1.1) calls a number without a fraction
/// an integer. They are read exactly, where a double would round.
/// </summary>
internal static class IntegerText
{
    /// <summary>An exponent that no text is long enough to make up for.</summary>
    private const long MaxExponent = 1_000_000_000_000;

    /// <summary>Reads a number without a fraction, of at most 64 bits.</summary>
    /// <param name="number">A JSON number.</param>
    /// <param name="integer">Its value. The value of a number slightly beyond 64 bits is exact too.</param>
    /// <returns>False if it has a fraction, or is larger.</returns>
    public static bool TryRead(ReadOnlySpan<byte> number, out Int128 integer)
    {
        var end = number.IndexOfAny((byte)'e', (byte)'E');
        var mantissa = end < 0 ? number : number[..end];
        var scale = end < 0 ? 0 : Exponent(number[(end + 1)..]);
        var point = mantissa.IndexOf((byte)'.');
        scale -= point < 0 ? 0 : mantissa.Length - point - 1;

        integer = 0;
        var zeros = 0;
        foreach (var digit in mantissa)
        {
            if (digit == '0')
            {
                zeros++;
            }
            else if (digit is >= (byte)'1' and <= (byte)'9')
            {
                if (!TryShift(ref integer, zeros + 1))
                {
                    return false;
                }

                integer += digit - '0';
                zeros = 0;
            }
        }

        // The last digit is not a zero, so a negative power of ten leaves a fraction.
        if (integer != 0 && (scale + zeros < 0 || !TryShift(ref integer, scale + zeros)))
        {
            return false;
        }

        integer = number[0] == '-' ? -integer : integer;
        return true;
    }

    /// <summary>Multiplies by a power of ten, unless the product exceeds 64 bits.</summary>
    private static bool TryShift(ref Int128 integer, long power)
    {
        for (; power > 0 && integer > 0; power--)
        {
            integer *= 10;
            if (integer > ulong.MaxValue)
            {
                return false;
            }
        }

        return true;
    }

    private static long Exponent(ReadOnlySpan<byte> text)
    {
        var exponent = 0L;
        foreach (var digit in text.TrimStart("+-"u8))
        {
            exponent = Math.Min((exponent * 10) + digit - '0', MaxExponent);
        }

        return text[0] == '-' ? -exponent : exponent;
    }
}
