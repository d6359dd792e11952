using System.Numerics;

namespace FunctionsApp.Core.Arithmetic;

/// <summary>Rounds exact numbers to doubles, as IEEE 754 does by default: to the nearest one, ties to the even one.</summary>
public static class NearestDouble
{
    /// <summary>The exponent of the smallest positive double.</summary>
    public const int MinExponent = -1074;

    /// <summary>The bits of a double's significand.</summary>
    public const int Precision = 53;

    /// <summary>
    /// Returns the double nearest to <paramref name="value"/> · 2^<paramref name="exponent"/>; an infinity if that is out of range.
    /// </summary>
    public static double Of(BigInteger value, int exponent)
    {
        var significand = BigInteger.Abs(value);
        var excess = Math.Max((int)significand.GetBitLength() - Precision, MinExponent - exponent);
        if (excess > 0)
        {
            var half = BigInteger.One << (excess - 1);
            var rest = significand & ((half << 1) - 1);
            significand >>= excess;
            if (rest > half || (rest == half && !significand.IsEven))
            {
                significand++;
            }
        }

        // Exact: the significand fits, and its lowest bit is one that a double can have.
        var magnitude = Math.ScaleB((double)(ulong)significand, exponent + Math.Max(excess, 0));
        return value.Sign < 0 ? -magnitude : magnitude;
    }

    /// <summary>Splits a finite double into an integer of at most 53 bits and an exponent: value = significand · 2^exponent.</summary>
    public static (long Significand, int Exponent) Split(double value)
    {
        var bits = BitConverter.DoubleToInt64Bits(value);
        var biased = (int)(bits >> (Precision - 1)) & 0x7ff;
        var fraction = bits & ((1L << (Precision - 1)) - 1);
        var significand = biased == 0 ? fraction : fraction | (1L << (Precision - 1));
        return (bits < 0 ? -significand : significand, Math.Max(biased, 1) - 1 + MinExponent);
    }
}
