using System.Runtime.InteropServices;

namespace FunctionsApp.Core.Operations.BuiltIn;

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

        // Newton's iteration for 1 / modulus modulo 2^64: 5 bits are right at the start, and twice as many after each step.
        _inverse = (3 * modulus) ^ 2;
        for (var bits = 5; bits < 64; bits *= 2)
        {
            _inverse *= 2 - (modulus * _inverse);
        }

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
        return high < reduction ? high - reduction + _modulus : high - reduction;
    }

    public ulong Power(ulong number, ulong exponent)
    {
        var power = One;
        for (; exponent > 0; exponent >>= 1)
        {
            power = (exponent & 1) == 0 ? power : Multiply(power, number);
            number = Multiply(number, number);
        }

        return power;
    }
}
