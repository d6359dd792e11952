using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>stats.describe</c>.</summary>
/// <param name="Values">1 to 1,000,000 numbers, in any order.</param>
public sealed record StatsDescribeInput([property: Description("The numbers."), Length(1, 1_000_000)] IReadOnlyList<double> Values);

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
    int Count, double Mean, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? StandardDeviation, double Min, double P25, double Median, double P75, double Max);

/// <summary>Describes a sample of numbers, like <c>describe</c> of pandas.</summary>
[Operation("stats.describe", "Describes numbers: mean, deviation, quartiles.", Example = """{"values":[2,4,4,4,5,5,7,9]}""")]
public sealed class StatsDescribeOperation : ICpuOperation<StatsDescribeInput, StatsDescribeOutput>
{
    /// <inheritdoc/>
    /// <exception cref="OperationException">The values are so far apart that a result is out of the range of a double.</exception>
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

        // Linear interpolation between the two nearest ranks: numpy's default, type 7 of Hyndman and Fan, "Sample Quantiles", 1996.
        double Percentile(double share)
        {
            var rank = share * (values.Length - 1);
            var lower = (int)rank;
            var value = Select(values, lower, cancellationToken);
            if (lower == rank)
            {
                return value;
            }

            // A value between two doubles is finite even if their difference is not.
            var difference = Select(values, lower + 1, cancellationToken) - value;
            return double.IsFinite(difference)
                ? value + ((rank - lower) * difference)
                : double.Lerp(value, values[lower + 1], rank - lower);
        }
    }

    /// <summary>
    /// Computes the moments in one pass, without the cancellation of sums of squares: B. P. Welford, "Note on a method for
    /// calculating corrected sums of squares and products", 1962.
    /// </summary>
    private static (double Mean, double? StandardDeviation) Moments(double[] values, double largest)
    {
        // A power of two scales the values to near 1, so that no square exceeds the range of a double.
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
    /// Returns the value at an index of the sorted order, in linear time: C. A. R. Hoare, "Algorithm 65: Find", 1961. Moves
    /// smaller values before that index and greater values after it.
    /// </summary>
    private static double Select(double[] values, int index, CancellationToken cancellationToken)
    {
        var (left, right) = (0, values.Length - 1);
        while (left < right)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // Random, so that no order of the values is always slow.
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
