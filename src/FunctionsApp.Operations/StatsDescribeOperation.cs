using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>stats.describe</c>.</summary>
/// <param name="Values">1 to 1,000,000 numbers, in any order.</param>
public sealed record StatsDescribeInput([property: Description("The numbers."), Length(1, 1_000_000)] IReadOnlyList<double> Values);

/// <summary>What <c>stats.describe</c> finds, all in the unit of the values.</summary>
/// <param name="Count">How many values there are.</param>
/// <param name="Mean">The arithmetic mean.</param>
/// <param name="StandardDeviation">Of a sample (divided by n - 1); null for a single value, which has none.</param>
/// <param name="Min">The smallest value.</param>
/// <param name="P25">The 25th percentile; between two values it is interpolated, as the other percentiles are.</param>
/// <param name="Median">The 50th percentile.</param>
/// <param name="P75">The 75th percentile.</param>
/// <param name="Max">The greatest value.</param>
public sealed record StatsDescribeOutput(
    int Count, double Mean, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? StandardDeviation, double Min, double P25, double Median, double P75, double Max);

/// <summary>Describes a sample of numbers, as <c>describe</c> of pandas does.</summary>
[Operation("stats.describe", "Describes numbers: mean, deviation, quartiles.", Example = """{"values":[2,4,4,4,5,5,7,9]}""")]
public sealed class StatsDescribeOperation : ICpuOperation<StatsDescribeInput, StatsDescribeOutput>
{
    /// <inheritdoc/>
    /// <exception cref="OperationException">The values are so far apart that a result is beyond the doubles.</exception>
    public StatsDescribeOutput Compute(StatsDescribeInput input, CancellationToken cancellationToken)
    {
        double[] values = [.. input.Values];
        var (min, max) = (values.Min(), values.Max());
        var (mean, deviation) = Moments(values, Math.Max(Math.Abs(min), Math.Abs(max)));
        var output = new StatsDescribeOutput(
            values.Length, mean, deviation, min, Percentile(0.25), Percentile(0.5), Percentile(0.75), max);
        double[] results = [mean, deviation ?? 0, output.P25, output.Median, output.P75];
        return results.All(double.IsFinite)
            ? output
            : throw new OperationException("The values are too far apart: a result is out of range.");

        // Linear between the two nearest ranks: numpy's default, number 7 of Hyndman and Fan, "Sample Quantiles", 1996.
        double Percentile(double share)
        {
            var rank = share * (values.Length - 1);
            var lower = (int)rank;
            var value = Select(values, lower, cancellationToken);
            if (lower == rank)
            {
                return value;
            }

            // What lies between two values is a double even when their difference is none.
            var difference = Select(values, lower + 1, cancellationToken) - value;
            return double.IsFinite(difference)
                ? value + ((rank - lower) * difference)
                : double.Lerp(value, values[lower + 1], rank - lower);
        }
    }

    /// <summary>
    /// In one pass, and without the cancellation that sums of squares suffer: B. P. Welford, "Note on a method for
    /// calculating corrected sums of squares and products", 1962.
    /// </summary>
    private static (double Mean, double? StandardDeviation) Moments(double[] values, double largest)
    {
        // A power of two brings the values near 1, so that no square is beyond the doubles.
        var unit = Math.ScaleB(1, Math.Max(Math.ILogB(largest), -1_000));
        var (count, mean, squares) = (0, 0.0, 0.0);
        foreach (var value in values)
        {
            var scaled = value / unit;
            var delta = scaled - mean;
            mean += delta / ++count;
            squares += delta * (scaled - mean);
        }

        return (mean * unit, count > 1 ? Math.Sqrt(squares / (count - 1)) * unit : null);
    }

    /// <summary>
    /// The value that sorting would put at an index, in linear time: C. A. R. Hoare, "Algorithm 65: Find", 1961. It moves the
    /// smaller values before that index and the greater ones behind it.
    /// </summary>
    private static double Select(double[] values, int index, CancellationToken cancellationToken)
    {
        var (left, right) = (0, values.Length - 1);
        while (left < right)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // At random, so that no arrangement of the values is a slow one.
            var pivot = values[Random.Shared.Next(left, right + 1)];
            var (low, high) = (left, right);
            while (low <= high)
            {
                while (values[low] < pivot)
                {
                    low++;
                }

                while (values[high] > pivot)
                {
                    high--;
                }

                if (low <= high)
                {
                    (values[low], values[high]) = (values[high], values[low]);
                    low++;
                    high--;
                }
            }

            (left, right) = index <= high ? (left, high) : index >= low ? (low, right) : (index, index);
        }

        return values[index];
    }
}
