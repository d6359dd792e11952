using System.Buffers.Binary;
using System.Numerics;

namespace FunctionsApp.Core.Arithmetic;

/// <summary>
/// The exact sum of any doubles, squares of doubles and integers: it depends neither on their order nor on how they are grouped,
/// and no part of it overflows. The sum is kept as one wide fixed-point number: R. M. Neal, "Fast Exact Summation Using Small and
/// Large Superaccumulators", 2015.
/// </summary>
public sealed class ExactSum
{
    /// <summary>The exponent of the sum's lowest bit: that of the smallest square.</summary>
    public const int Exponent = 2 * NearestDouble.MinExponent;

    private const int BitsOfDigit = 32;

    /// <summary>The additions until a digit, which gets at most 52 bits in each, could exceed 63 bits.</summary>
    private const int MaxPending = 1_000;

    // Signed, and wider than their 32 bits until the carries are made. The last ones are for the greatest square, 2^64 times.
    private readonly long[] _digits = new long[((2_048 + 64 - Exponent) / BitsOfDigit) + 2];
    private int _pending;

    /// <summary>Adds a finite double.</summary>
    public void Add(double value)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(double.IsFinite(value), other: false, nameof(value));
        var (significand, exponent) = NearestDouble.Split(value);
        Add(significand, exponent);
    }

    /// <summary>Adds an integer.</summary>
    public void Add(Int128 value)
    {
        for (var exponent = 0; exponent < 128; exponent += BitsOfDigit)
        {
            Add(exponent < 96 ? (long)(value & uint.MaxValue) : (long)value, exponent);
            value >>= BitsOfDigit;
        }
    }

    /// <summary>Adds the square of a finite double.</summary>
    public void AddSquare(double value)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(double.IsFinite(value), other: false, nameof(value));
        var (significand, exponent) = NearestDouble.Split(value);
        var high = Math.BigMul(significand, significand, out var low);
        const int Half = NearestDouble.Precision;
        Add(low & ((1L << Half) - 1), 2 * exponent);
        Add((high << (64 - Half)) | (low >>> Half), (2 * exponent) + Half);
    }

    /// <summary>Adds another sum.</summary>
    public void Add(ExactSum other)
    {
        Carry();
        other.Carry();
        for (var i = 0; i < _digits.Length; i++)
        {
            _digits[i] += other._digits[i];
        }
    }

    /// <summary>Returns the sum in units of 2^<see cref="Exponent"/>.</summary>
    public BigInteger ToInteger()
    {
        Carry();
        var bytes = new byte[(_digits.Length + 1) * sizeof(int)];
        for (var i = 0; i < _digits.Length; i++)
        {
            // The last digit is written whole, with the sign.
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(int)), _digits[i]);
        }

        return new BigInteger(bytes);
    }

    /// <summary>Returns the nearest double; an infinity if the sum is out of range.</summary>
    public double ToDouble() => NearestDouble.Of(ToInteger(), Exponent);

    private void Add(long significand, int exponent)
    {
        if (++_pending > MaxPending)
        {
            Carry();
        }

        var index = Math.DivRem(exponent - Exponent, BitsOfDigit, out var shift);
        _digits[index] += (significand << shift) & uint.MaxValue;
        _digits[index + 1] += significand >> (BitsOfDigit - shift);
    }

    /// <summary>Makes each digit one of 32 bits, but the last one, which has the sign.</summary>
    private void Carry()
    {
        for (var i = 0; i < _digits.Length - 1; i++)
        {
            _digits[i + 1] += _digits[i] >> BitsOfDigit;
            _digits[i] &= uint.MaxValue;
        }

        _pending = 1;
    }
}
