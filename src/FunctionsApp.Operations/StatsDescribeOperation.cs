using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Numerics;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Arithmetic;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>stats.describe</c>.</summary>
public sealed record StatsDescribeInput(
    [property: Description("The numbers, in any order."), Length(1, 1_000_000)] IReadOnlyList<double> Values);

/// <summary>Output of <c>stats.describe</c>, in the unit of the values.</summary>
/// <param name="Count">How many values there are.</param>
/// <param name="Mean">The arithmetic mean.</param>
/// <param name="StandardDeviation">The standard deviation of a sample (divided by n - 1); null for a single value.</param>
/// <param name="Min">The smallest value.</param>
/// <param name="P25">The 25th percentile. All percentiles are interpolated between two values.</param>
/// <param name="Median">The 50th percentile.</param>
/// <param name="P75">The 75th percentile.</param>
/// <param name="Max">The greatest value.</param>
public sealed record StatsDescribeOutput(
    int Count, double Mean, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? StandardDeviation,
    double Min, double P25, double Median, double P75, double Max);

/// <summary>Describes a sample of numbers, like <c>describe</c> of pandas.</summary>
[Operation("stats.describe", "Describes numbers: mean, deviation, quartiles.", Example = """{"values":[2,4,4,4,5,5,7,9]}""")]
public sealed class StatsDescribeOperation : ICpuOperation<StatsDescribeInput, StatsDescribeOutput>
{
    /// <inheritdoc/>
    /// <exception cref="OperationException">The values are so far apart that a result is out of the range of a double.</exception>
    public StatsDescribeOutput Compute(StatsDescribeInput input, CancellationToken cancellationToken)
    {
        double[] values = [.. input.Values];
        var (sum, squares) = (new ExactSum(), new ExactSum());
        foreach (var value in values)
        {
            cancellationToken.ThrowIfCancellationRequested();
            sum.Add(value);
            squares.AddSquare(value);
        }

        var total = sum.ToInteger();
        var deviation = StandardDeviation(total, squares.ToInteger(), values.Length);
        return double.IsFinite(deviation ?? 0)
            ? new StatsDescribeOutput(
                values.Length, Mean(total, values.Length), deviation,
                values.Min(), Percentile(1), Percentile(2), Percentile(3), values.Max())
            : throw new OperationException("The values are too far apart: a result is out of range.");

        // Linear interpolation between the two nearest ranks: numpy's default, type 7 of Hyndman and Fan, "Sample Quantiles", 1996.
        double Percentile(int quarters)
        {
            var (lower, part) = Math.DivRem(quarters * (values.Length - 1), 4);
            var value = Select(values, lower, cancellationToken);
            var next = part == 0 ? value : Select(values, lower + 1, cancellationToken);
            var weighted = new ExactSum();
            for (var i = 0; i < 4; i++)
            {
                weighted.Add(i < part ? next : value);
            }

            return NearestDouble.Of(weighted.ToInteger(), ExactSum.Exponent - 2);
        }
    }

    /// <summary>Divides the nearest double of the sum by the count.</summary>
    private static double Mean(BigInteger total, int count)
    {
        // The sum of at most 2^32 values is out of range only before it is scaled.
        const int Scale = 32;
        var mean = NearestDouble.Of(total, ExactSum.Exponent) / count;
        return double.IsFinite(mean) ? mean : Math.ScaleB(NearestDouble.Of(total, ExactSum.Exponent - Scale) / count, Scale);
    }

    /// <summary>Returns the double nearest to √((n Σx² - (Σx)²) / n(n - 1)); null for a single value.</summary>
    private static double? StandardDeviation(BigInteger sum, BigInteger squares, int count)
    {
        if (count == 1)
        {
            return null;
        }

        // Exact: the bits of the square that are shifted out are 0, as they are below the square of the smallest double.
        var numerator = (squares * count) - ((sum * sum) >> -ExactSum.Exponent);
        return numerator.IsZero ? 0 : SquareRoot(numerator, (BigInteger)count * (count - 1), ExactSum.Exponent);
    }

    /// <summary>Returns the double nearest to √(numerator / denominator · 2^exponent), of which the exponent is even.</summary>
    private static double SquareRoot(BigInteger numerator, BigInteger denominator, int exponent)
    {
        // The root of a quotient of about 120 bits has 60: more than a double, and few enough for 64.
        var shift = (int)(120 - numerator.GetBitLength() + denominator.GetBitLength()) & ~1;
        numerator <<= Math.Max(shift, 0);
        denominator <<= Math.Max(-shift, 0);
        var quotient = (UInt128)BigInteger.DivRem(numerator, denominator, out var rest);
        var root = (UInt128)Math.Sqrt((double)quotient);
        root = (root + (quotient / root)) / 2; // Newton's step: now the root, or the next integer
        root -= root * root > quotient ? 1u : 0;

        // A last bit tells that the exact root is greater, which matters where the other bits are halfway between two doubles.
        var isGreater = root * root != quotient || !rest.IsZero;
        return NearestDouble.Of((BigInteger)((root << 1) | (isGreater ? 1u : 0)), ((exponent - shift) / 2) - 1);
    }

    /// <summary>
    /// Returns the value at an index of the sorted order, in linear time: C. A. R. Hoare, "Algorithm 65: Find", 1961. Unlike the
    /// framework's sort, it can be cancelled: 1,000,000 values take a tenth of a second.
    /// </summary>
    private static double Select(double[] values, int index, CancellationToken cancellationToken)
    {
        var (left, right) = (0, values.Length - 1);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // Random, so that no order of the values is always slow.
            var pivot = values[Random.Shared.Next(left, right + 1)];
            var (smaller, greater) = (left, right);
            for (var i = left; i <= greater;)
            {
                var other = values[i] < pivot ? smaller++ : values[i] > pivot ? greater-- : i;
                (values[i], values[other]) = (values[other], values[i]);
                i += other <= i ? 1 : 0;
            }

            if (index >= smaller && index <= greater)
            {
                return pivot;
            }

            (left, right) = index < smaller ? (left, smaller - 1) : (greater + 1, right);
        }
    }
}
