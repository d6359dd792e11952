using System.Text.Json;
using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Json;

/// <summary>
/// A JSON number with Python's semantics: an integer if it is written as one and fits 64 bits, otherwise a double.
/// </summary>
[JsonConverter(typeof(NumberConverter))]
public readonly record struct Number
{
    // One field for both: a struct of two words is returned in registers.
    private readonly long _bits;

    private Number(bool isInteger, long bits) => (IsInteger, _bits) = (isInteger, bits);

    /// <summary>Whether this is a 64-bit integer.</summary>
    public bool IsInteger { get; }

    /// <summary>The nearest double.</summary>
    public double AsDouble => IsInteger ? _bits : BitConverter.Int64BitsToDouble(_bits);

    /// <summary>The integer; meaningful only when <see cref="IsInteger"/>.</summary>
    public long AsInteger => _bits;

    /// <summary>An integer.</summary>
    public static implicit operator Number(long value) => new(isInteger: true, value);

    /// <summary>A double.</summary>
    public static implicit operator Number(double value) => new(isInteger: false, BitConverter.DoubleToInt64Bits(value));

    /// <summary>Returns whether both are of the same kind and value.</summary>
    public bool Equals(Number other) =>
        IsInteger == other.IsInteger && (IsInteger ? _bits == other._bits : AsDouble.Equals(other.AsDouble));

    /// <inheritdoc/>
    public override int GetHashCode() => IsInteger ? _bits.GetHashCode() : AsDouble.GetHashCode();

    /// <summary>Adds; the sum of integers is an integer if it fits, otherwise the nearest double.</summary>
    public static Number operator +(Number left, Number right)
    {
        if (left.IsInteger && right.IsInteger)
        {
            var sum = (Int128)left._bits + right._bits;
            return sum >= long.MinValue && sum <= long.MaxValue ? (Number)(long)sum : (double)sum;
        }

        return left.AsDouble + right.AsDouble;
    }

    /// <summary>Multiplies; the product of integers is an integer if it fits, otherwise the nearest double.</summary>
    public static Number operator *(Number left, Number right)
    {
        if (left.IsInteger && right.IsInteger)
        {
            var high = Math.BigMul(left._bits, right._bits, out var low);
            return high == low >> 63 ? (Number)low : (double)((Int128)left._bits * right._bits);
        }

        return left.AsDouble * right.AsDouble;
    }

    /// <summary>Returns whether <paramref name="left"/> is smaller; an integer and a double are compared exactly too.</summary>
    public static bool operator <(Number left, Number right) =>
        left.IsInteger == right.IsInteger ? left.IsInteger ? left._bits < right._bits : left.AsDouble < right.AsDouble
        : left.IsInteger ? Compare(left._bits, right.AsDouble) < 0
        : Compare(right._bits, left.AsDouble) > 0;

    /// <summary>Returns whether <paramref name="left"/> is greater; an integer and a double are compared exactly too.</summary>
    public static bool operator >(Number left, Number right) => right < left;

    private static int Compare(long integer, double value)
    {
        const double Beyond = 9_223_372_036_854_775_808;
        var whole = Math.Floor(value);
        return whole >= Beyond ? -1
            : whole < -Beyond ? 1
            : integer != (long)whole ? integer.CompareTo((long)whole)
            : whole.CompareTo(value);
    }
}

/// <summary>Reads and writes a <see cref="Number"/>.</summary>
public sealed class NumberConverter : JsonConverter<Number>
{
    /// <inheritdoc/>
    public override Number Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TryGetInt64(out var integer) ? (Number)integer : reader.GetDouble();

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Number value, JsonSerializerOptions options)
    {
        if (value.IsInteger)
        {
            writer.WriteNumberValue(value.AsInteger);
        }
        else
        {
            writer.WriteNumberValue(value.AsDouble);
        }
    }
}
