using System.Runtime.InteropServices;

namespace FunctionsApp.Operations;

/// <summary>
/// Arithmetic modulo an odd number n below 2^63, without division. The representation of a is a * 2^64 modulo n
/// (P. L. Montgomery, "Modular multiplication without trial division", 1985).
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal readonly struct Montgomery
{
    private readonly ulong _modulus;
    private readonly ulong _inverse;
    private readonly ulong _squareOfRadix;

    public Montgomery(ulong modulus)
    {
        _modulus = modulus;
        _inverse = Inverse(modulus);
        One = (0 - modulus) % modulus;

        // Six squarings turn the representation of 2 into that of 2^64.
        _squareOfRadix = Add(One, One);
        for (var i = 0; i < 6; i++)
        {
            _squareOfRadix = Multiply(_squareOfRadix, _squareOfRadix);
        }
    }

    /// <summary>The representation of 1.</summary>
    public ulong One { get; }

    /// <summary>Returns the inverse of an odd number modulo 2^64.</summary>
    public static ulong Inverse(ulong number)
    {
        // Newton's iteration: 5 bits are correct at the start, and twice as many after each step.
        var inverse = (3 * number) ^ 2;
        for (var bits = 5; bits < 64; bits *= 2)
        {
            inverse *= 2 - (number * inverse);
        }

        return inverse;
    }

    /// <summary>Returns the representation of a number below the modulus.</summary>
    public ulong Enter(ulong number) => Multiply(number, _squareOfRadix);

    public ulong Add(ulong left, ulong right)
    {
        var sum = left + right;
        return sum < _modulus ? sum : sum - _modulus;
    }

    public ulong Multiply(ulong left, ulong right)
    {
        var high = Math.BigMul(left, right, out var low);
        var reduction = Math.BigMul(low * _inverse, _modulus, out _);

        // Adds the modulus if the difference is negative, without an unpredictable branch.
        var difference = high - reduction;
        return difference + (_modulus & (ulong)((long)difference >> 63));
    }

    public ulong Power(ulong number, ulong exponent) => Powers(number, One, exponent).First;

    /// <summary>Computes two powers in about the time of one: their multiplications are independent.</summary>
    public (ulong First, ulong Second) Powers(ulong first, ulong second, ulong exponent)
    {
        var (firstPower, secondPower) = (One, One);
        for (; exponent > 0; exponent >>= 1)
        {
            // An unused multiplication takes less time than an unpredictable branch.
            var odd = 0 - (exponent & 1);
            firstPower ^= (firstPower ^ Multiply(firstPower, first)) & odd;
            secondPower ^= (secondPower ^ Multiply(secondPower, second)) & odd;
            first = Multiply(first, first);
            second = Multiply(second, second);
        }

        return (firstPower, secondPower);
    }
}
