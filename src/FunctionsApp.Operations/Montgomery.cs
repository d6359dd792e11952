using System.Runtime.InteropServices;

namespace FunctionsApp.Operations;

/// <summary>
/// Arithmetic modulo an odd number below 2^63, without division: a number a is represented by a * 2^64 modulo it
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

        // Squared six times, the representation of 2 is that of 2^64.
        _squareOfRadix = Add(One, One);
        for (var i = 0; i < 6; i++)
        {
            _squareOfRadix = Multiply(_squareOfRadix, _squareOfRadix);
        }
    }

    /// <summary>The representation of 1.</summary>
    public ulong One { get; }

    /// <summary>What an odd number multiplied by is 1 modulo 2^64.</summary>
    public static ulong Inverse(ulong number)
    {
        // Newton's iteration: 5 bits are right at the start, and twice as many after each step.
        var inverse = (3 * number) ^ 2;
        for (var bits = 5; bits < 64; bits *= 2)
        {
            inverse *= 2 - (number * inverse);
        }

        return inverse;
    }

    /// <summary>The representation of a number that is below the modulus.</summary>
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

        // Without a branch, which could not be foreseen: the modulus is added when the difference is negative.
        var difference = high - reduction;
        return difference + (_modulus & (ulong)((long)difference >> 63));
    }

    public ulong Power(ulong number, ulong exponent) => Powers(number, One, exponent).First;

    /// <summary>Two powers in about the time of one: their multiplications do not wait for each other.</summary>
    public (ulong First, ulong Second) Powers(ulong first, ulong second, ulong exponent)
    {
        var (firstPower, secondPower) = (One, One);
        for (; exponent > 0; exponent >>= 1)
        {
            // Multiplying for nothing takes less time than a branch that cannot be foreseen.
            var odd = 0 - (exponent & 1);
            firstPower ^= (firstPower ^ Multiply(firstPower, first)) & odd;
            secondPower ^= (secondPower ^ Multiply(secondPower, second)) & odd;
            first = Multiply(first, first);
            second = Multiply(second, second);
        }

        return (firstPower, secondPower);
    }
}
