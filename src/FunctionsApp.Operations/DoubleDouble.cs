namespace FunctionsApp.Operations;

/// <summary>
/// A number as an unevaluated sum of two doubles, with about 104 bits: T. J. Dekker, "A floating-point technique for extending the
/// available precision", 1971. <see cref="Power"/> is about 30 times as fast with it as with big integers.
/// </summary>
internal readonly record struct DoubleDouble(double High, double Low)
{
    private static readonly DoubleDouble Ln2 = new(0.693147180559945309, 2.319046813846299558e-17);

    public static implicit operator DoubleDouble(double value) => new(value, 0);

    public static DoubleDouble operator +(DoubleDouble left, DoubleDouble right)
    {
        var sum = left.High + right.High;
        var part = sum - left.High;
        return Of(sum, left.High - (sum - part) + (right.High - part) + (left.Low + right.Low));
    }

    public static DoubleDouble operator *(DoubleDouble left, DoubleDouble right)
    {
        var product = left.High * right.High;
        var rest = Math.FusedMultiplyAdd(left.High, right.High, -product);
        return Of(product, rest + ((left.High * right.Low) + (left.Low * right.High)));
    }

    /// <summary>
    /// Returns the natural logarithm of a double above 0, with an error below 2^-90, and 2^-100 for each power of 2 in it.
    /// </summary>
    public static DoubleDouble Log(double value)
    {
        // value = f · 2^exponent, with f from 3/4 to 3/2: near 1 no parts cancel each other out.
        var exponent = Math.ILogB(value);
        var f = Math.ScaleB(value, -exponent);
        (f, exponent) = f > 1.5 ? (f / 2, exponent + 1) : (f, exponent);

        // ln f = l + ln(1 + d), where l is a double near ln f, and d = f / e^l - 1 is so small that its cube is nothing.
        var near = Math.Log(f);
        var (inverse, shift) = Exp(-near);
        var d = (inverse * Math.ScaleB(f, shift)) + -1;
        return ((DoubleDouble)exponent * Ln2) + near + d + (-0.5 * d.High * d.High);
    }

    /// <summary>Returns e^value as a number near 1 and a power of 2, with a relative error below 2^-90, and 2^-100 · value.</summary>
    public static (DoubleDouble Value, int Exponent) Exp(DoubleDouble value)
    {
        // e^x = 2^k · (e^((x - k ln 2) / 2^8))^(2^8), and the series of so small a number is short.
        const int Halvings = 8;
        const int Terms = 10;
        var k = Math.Round(value.High / Ln2.High);
        var rest = (value + (Ln2 * -k)) * Math.ScaleB(1, -Halvings);
        DoubleDouble sum = 1;
        for (var n = Terms; n > 0; n--)
        {
            var inverse = 1.0 / n;
            sum = (rest * sum * new DoubleDouble(inverse, Math.FusedMultiplyAdd(-inverse, n, 1) / n)) + 1;
        }

        for (var i = 0; i < Halvings; i++)
        {
            sum *= sum;
        }

        return (sum, (int)k);
    }

    private static DoubleDouble Of(double high, double low)
    {
        var sum = high + low;
        return new(sum, low - (sum - high));
    }
}
