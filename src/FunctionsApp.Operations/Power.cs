using System.Numerics;
using FunctionsApp.Core.Arithmetic;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Operations;

/// <summary>
/// The double nearest to a power. A power that could lie halfway between two doubles is computed exactly; any other with more and
/// more bits, until the error cannot change the rounding: A. Ziv, "Fast Evaluation of Elementary Mathematical Functions with
/// Correctly Rounded Last Bit", 1991.
/// </summary>
internal static class Power
{
    /// <summary>An odd number above 1 to a power beyond this one has more bits than a double, or the middle of two.</summary>
    private const int MaxExactExponent = 64;

    /// <summary>Beyond this power of 2 each number rounds to 0 or to an infinity.</summary>
    private const int MaxMagnitude = 2_200;

    private const int FirstBits = 128;

    private static readonly BigInteger FirstLn2 = Logarithm(2, 1, FirstBits);

    /// <summary>Returns the double nearest to |x| to the power y; an infinity if that is out of range.</summary>
    /// <param name="x">The base, which is not 0.</param>
    /// <param name="y">The exponent.</param>
    public static double Nearest(Number x, Number y) => Estimate(x, y) ?? Compute(x, y);

    /// <summary>Computes a power with doubles; null if the error could change the rounding.</summary>
    private static double? Estimate(Number x, Number y)
    {
        if (!IsDouble(x) || !IsDouble(y))
        {
            return null;
        }

        var logarithm = DoubleDouble.Log(Math.Abs(x.AsDouble));
        var product = logarithm * y.AsDouble;

        // Within these limits no number is subnormal, and none is out of range.
        const double Limit = 700;
        if (!(Math.Abs(product.High) < Limit))
        {
            return null;
        }

        var (power, exponent) = DoubleDouble.Exp(product);
        var error = (Math.Abs(y.AsDouble) + Limit) * power.High * Math.ScaleB(1, -86);
        var low = power.High + (power.Low - error);
        return low == power.High + (power.Low + error) ? Math.ScaleB(low, exponent) : null;

        static bool IsDouble(Number number) => !number.IsInteger || (Int128)number.AsDouble == number.AsInteger;
    }

    private static double Compute(Number x, Number y)
    {
        var (number, exponent) = (Dyadic.Of(x), Dyadic.Of(y));
        number = number with { Odd = BigInteger.Abs(number.Odd) };

        // x^y = √x^2y, as long as the root is exact.
        while (exponent.Power < 0 && number.SquareRoot() is { } root)
        {
            (number, exponent) = (root, exponent with { Power = exponent.Power + 1 });
        }

        if (exponent.Power >= 0)
        {
            var integer = exponent.Odd << exponent.Power;
            if (number.Odd.IsOne)
            {
                return NearestDouble.Of(1, (int)BigInteger.Clamp(number.Power * integer, -MaxMagnitude, MaxMagnitude));
            }

            if (integer >= 0 && integer <= MaxExactExponent)
            {
                return NearestDouble.Of(BigInteger.Pow(number.Odd, (int)integer), number.Power * (int)integer);
            }
        }

        for (var bits = FirstBits; ; bits *= 2)
        {
            if (Approximate(number, exponent, bits) is { } nearest)
            {
                return nearest;
            }
        }
    }

    /// <summary>Computes exp(y · ln x) in units of 2^-bits; null if the error could change the rounding.</summary>
    private static double? Approximate(Dyadic x, Dyadic y, int bits)
    {
        // x = f · 2^shift with f from 3/4 to 3/2, so that the terms of the logarithm do not cancel each other out.
        var length = (int)x.Odd.GetBitLength();
        length -= x.Odd << 2 < (BigInteger)3 << length ? 1 : 0;
        var shift = length + x.Power;
        var ln2 = bits == FirstBits ? FirstLn2 : Logarithm(2, 1, bits);
        var product = y.Odd * (Logarithm(x.Odd, BigInteger.One << length, bits) + (shift * ln2));
        product = y.Power >= 0 ? product << y.Power : product >> -y.Power;

        // exp(product) = exp(rest) · 2^whole, with a rest from 0 to ln 2.
        var whole = BigInteger.DivRem(product, ln2, out var rest);
        (whole, rest) = rest.Sign < 0 ? (whole - 1, rest + ln2) : (whole, rest);
        if (BigInteger.Abs(whole) > MaxMagnitude)
        {
            return whole.Sign < 0 ? 0 : double.PositiveInfinity;
        }

        // A logarithm is off by less than two units a term, and has fewer terms than bits. Exponential is off by less than 2^16.
        var factor = y.Power >= 0 ? BigInteger.Abs(y.Odd) << y.Power : (BigInteger.Abs(y.Odd) >> -y.Power) + 1;
        var error = (((factor * (Math.Abs(shift) + 1)) + BigInteger.Abs(whole) + 1) * 4 * bits) + (1 << 16);
        var power = Exponential(rest, bits);
        var low = NearestDouble.Of(power - error, (int)whole - bits);
        return low == NearestDouble.Of(power + error, (int)whole - bits) ? low : null;
    }

    /// <summary>
    /// Returns ln(numerator / denominator) in units of 2^-bits: 2 artanh((numerator - denominator) / (numerator + denominator)).
    /// </summary>
    private static BigInteger Logarithm(BigInteger numerator, BigInteger denominator, int bits)
    {
        if (numerator < denominator)
        {
            return -Logarithm(denominator, numerator, bits);
        }

        var term = ((numerator - denominator) << bits) / (numerator + denominator);
        var square = (term * term) >> bits;
        var sum = term;
        for (var n = 3; !term.IsZero; n += 2)
        {
            term = (term * square) >> bits;
            sum += term / n;
        }

        return sum << 1;
    }

    /// <summary>Returns e^argument for an argument from 0 to 1, both in units of 2^-bits.</summary>
    private static BigInteger Exponential(BigInteger argument, int bits)
    {
        // The series is short for a small argument: e^x = (e^(x / 2^n))^(2^n).
        const int Halvings = 8;
        argument >>= Halvings;
        var term = BigInteger.One << bits;
        var sum = term;
        for (var n = 1; !term.IsZero; n++)
        {
            term = ((term * argument) >> bits) / n;
            sum += term;
        }

        for (var i = 0; i < Halvings; i++)
        {
            sum = (sum * sum) >> bits;
        }

        return sum;
    }

    /// <summary>An odd integer, or 0, times a power of 2.</summary>
    private readonly record struct Dyadic(BigInteger Odd, int Power)
    {
        public static Dyadic Of(Number number)
        {
            var (significand, exponent) = number.IsInteger ? (number.AsInteger, 0) : NearestDouble.Split(number.AsDouble);
            var zeros = significand == 0 ? -exponent : BitOperations.TrailingZeroCount(significand);
            return new Dyadic(significand >> zeros, exponent + zeros);
        }

        /// <summary>Returns the square root; null if it is no such number.</summary>
        public Dyadic? SquareRoot()
        {
            var root = (BigInteger)Math.Round(Math.Sqrt((double)Odd));
            return int.IsEvenInteger(Power) && root * root == Odd ? new Dyadic(root, Power / 2) : null;
        }
    }
}
