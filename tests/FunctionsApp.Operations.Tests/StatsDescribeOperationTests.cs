using System.Numerics;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations.Tests;

public class StatsDescribeOperationTests
{
    // The first example in the documentation of pandas.Series.describe.
    [Fact]
    public void Describes_as_pandas_documents()
    {
        Assert.Equal(new StatsDescribeOutput(3, 2, 1, 1, 1.5, 2, 2.5, 3), Describe(1, 2, 3));
    }

    // The example in Wikipedia's "Standard deviation": the squares add up to 32, so a sample's is the root of 32/7.
    [Fact]
    public void Divides_the_squares_by_one_less_than_the_count()
    {
        Assert.Equal(Math.Sqrt(32.0 / 7), Describe(2, 4, 4, 4, 5, 5, 7, 9).StandardDeviation!.Value, 1e-15);
    }

    // NIST Statistical Reference Datasets, NumAcc1; certified values.
    [Fact]
    public void Describes_three_large_numbers_exactly()
    {
        var output = Describe(10_000_001, 10_000_003, 10_000_002);

        Assert.Equal((10_000_002, 1), (output.Mean, output.StandardDeviation!.Value));
    }

    // NIST Statistical Reference Datasets, univariate summary statistics; certified values of 15 digits.
    [Fact]
    public void Has_all_the_digits_that_NIST_certifies()
    {
        foreach (var vector in Vectors.Read("nist-strd.json"))
        {
            var output = Describe(Doubles(vector, "values"));

            Assert.Equal(vector.GetProperty("mean").GetDouble(), output.Mean, 1e-15 * Math.Abs(output.Mean));
            Assert.Equal(vector.GetProperty("standardDeviation").GetDouble(), output.StandardDeviation!.Value, output.StandardDeviation.Value * 1e-13);
        }
    }

    // statistics.fmean of Python 3.11, and its fractions and decimals, rounded once: tests/Vectors/make.py.
    [Fact]
    public void Is_as_exact_as_the_statistics_of_Python()
    {
        foreach (var vector in Vectors.Read("descriptions.json"))
        {
            var values = Doubles(vector, "values");

            var output = Describe(values);

            Assert.Equal(vector.GetProperty("mean").GetDouble(), output.Mean);
            Assert.Equal(vector.GetProperty("standardDeviation").GetDouble(), output.StandardDeviation!.Value);
            Assert.Equal<double[]>(Doubles(vector, "percentiles"), [output.P25, output.Median, output.P75]);
            new Random(7).Shuffle(values);
            Assert.Equal(output, Describe(values));
        }
    }

    // The same, NumAcc2, NumAcc3 and NumAcc4, made to make sums of squares fail; certified values.
    [Theory]
    [InlineData(1.2)]
    [InlineData(1_000_000.2)]
    [InlineData(10_000_000.2)]
    public void Is_stable_for_a_small_deviation_from_a_large_mean(double mean)
    {
        var values = Enumerable.Range(0, 1_001).Select(i => i == 0 ? mean : i % 2 == 1 ? mean - 0.1 : mean + 0.1);

        var output = Describe([.. values]);

        Assert.Equal(mean, output.Mean, mean * 3e-16);
        Assert.Equal(0.1, output.StandardDeviation!.Value, 1e-8); // the values themselves are off by half as much
    }

    [Fact]
    public void Has_no_deviation_for_a_single_value()
    {
        Assert.Equal(new StatsDescribeOutput(1, 7, null, 7, 7, 7, 7, 7), Describe(7));
    }

    // numpy.percentile([7, 1, 3, 10], [25, 50, 75]) in numpy 2: 2.5, 5.0, 7.75.
    [Fact]
    public void Interpolates_percentiles_as_numpy_does()
    {
        var output = Describe(7, 1, 3, 10);

        Assert.Equal((2.5, 5.0, 7.75), (output.P25, output.Median, output.P75));
    }

    [Fact]
    public void Agrees_with_sorting()
    {
        var random = new Random(8);
        for (var i = 0; i < 200; i++)
        {
            // Some have many equal values, which selection must survive.
            var distinct = random.Next(1, 50);
            var values = Enumerable.Range(0, (4 * random.Next(1, 100)) + 1).Select(_ => (double)random.Next(distinct)).ToArray();
            var sorted = values.Order().ToArray();
            var quarter = (sorted.Length - 1) / 4;

            var output = Describe(values);

            Assert.Equal(
                (sorted[0], sorted[quarter], sorted[2 * quarter], sorted[3 * quarter], sorted[^1]),
                (output.Min, output.P25, output.Median, output.P75, output.Max));
            Assert.Equal(values.Average(), output.Mean, 1e-12);
        }
    }

    [Fact]
    public void Leaves_the_callers_values_in_their_order()
    {
        double[] values = [3, 1, 2];

        Describe(values);

        Assert.Equal([3, 1, 2], values);
    }

    [Fact]
    public void Fails_when_a_result_is_beyond_the_doubles()
    {
        Assert.Throws<OperationException>(() => Describe(double.MaxValue, double.MinValue));
    }

    [Fact]
    public void Describes_values_whose_squares_or_differences_are_beyond_the_doubles()
    {
        Assert.Equal(new StatsDescribeOutput(2, 5e199, Math.Sqrt(0.5) * 1e200, 0, 2.5e199, 5e199, 7.5e199, 1e200), Describe(0, 1e200));
        Assert.Equal(new StatsDescribeOutput(2, 0, Math.Sqrt(2) * 1e308, -1e308, -5e307, 0, 5e307, 1e308), Describe(-1e308, 1e308));
    }

    [Fact]
    public void Describes_values_whose_squares_are_too_small_for_doubles()
    {
        Assert.Equal(Math.Sqrt(0.5) * 1e-200, Describe(0, 1e-200).StandardDeviation!.Value, 1e-215);
        const double Least = double.Epsilon;
        Assert.Equal(new StatsDescribeOutput(2, Least, 0, Least, Least, Least, Least, Least), Describe(Least, Least));
        Assert.Equal(new StatsDescribeOutput(2, 0, 0, 0, 0, 0, 0, 0), Describe(0, 0));
    }

    [Fact]
    public void Agrees_with_exact_arithmetic_in_any_order() => Prop.ForAll(
        Gen.Choose(-1_000_000_000, 1_000_000_000).NonEmptyListOf().ToArbitrary(),
        static integers =>
        {
            var sum = integers.Aggregate(BigInteger.Zero, static (sum, value) => sum + value);
            var squares = integers.Aggregate(BigInteger.Zero, static (sum, value) => sum + BigInteger.Pow(value, 2));
            var count = integers.Count;
            double[] values = [.. integers.Select(static value => (double)value)];

            var output = Describe(values);
            new Random(count).Shuffle(values);
            var shuffled = Describe(values);

            // The variance is (n Σx² - (Σx)²) / n(n - 1), of which the numerator is exact here.
            Assert.Equal((double)sum / count, output.Mean, 1e-5);
            Assert.Equal(count > 1, output.StandardDeviation.HasValue);
            var variance = (double)((count * squares) - (sum * sum)) / count / Math.Max(count - 1, 1);
            Assert.Equal(Math.Sqrt(variance), output.StandardDeviation ?? 0, 1e-5);
            Assert.Equal(output.Mean, shuffled.Mean, 1e-5);
            Assert.Equal(output.StandardDeviation ?? 0, shuffled.StandardDeviation ?? 0, 1e-5);
            Assert.Equal(
                (output.Min, output.P25, output.Median, output.P75, output.Max),
                (shuffled.Min, shuffled.P25, shuffled.Median, shuffled.P75, shuffled.Max));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Describes_values_whose_sum_is_beyond_the_doubles()
    {
        Assert.Equal(1e308, Describe(1e308, 1e308, 1e308).Mean);
    }

    [Fact]
    public void Stops_when_cancelled()
    {
        Assert.Throws<OperationCanceledException>(() =>
            new StatsDescribeOperation().Compute(new StatsDescribeInput([1, 2]), new CancellationToken(canceled: true)));
    }

    private static double[] Doubles(JsonElement vector, string name) =>
        [.. vector.GetProperty(name).EnumerateArray().Select(static value => value.GetDouble())];

    private static StatsDescribeOutput Describe(params double[] values) =>
        new StatsDescribeOperation().Compute(new StatsDescribeInput(values), default);
}
