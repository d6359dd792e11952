using System.Globalization;

namespace FunctionsApp.Benchmarks;

/// <summary>What ours is to come to: a bound, and the quantity it is for.</summary>
internal sealed class Goal
{
    private readonly string _quantity;
    private readonly bool _isLeast;
    private readonly double _bound;

    private Goal(string quantity, bool isLeast, double bound) => (_quantity, _isLeast, _bound) = (quantity, isLeast, bound);

    /// <summary>Ours is at least so many times as fast as the other.</summary>
    public static Goal Speed(double atLeast) => new("speed", isLeast: true, atLeast);

    /// <summary>Ours takes at most so many times as much of something as the other.</summary>
    public static Goal Most(string quantity, double atMost) => new(quantity, isLeast: false, atMost);

    /// <summary>For ours alone: the measured value itself is at least this.</summary>
    public static Goal Value(double atLeast) => new("", isLeast: true, atLeast);

    /// <summary>For ours alone: the measured value itself is at most this.</summary>
    public static Goal AtMost(double atMost) => new("", isLeast: false, atMost);

    /// <summary>The cells of the table that say how ours compares with another, and whether that is the goal.</summary>
    public string Judge(Metric metric, double ours, double other)
    {
        // The ratio is judged as it is printed: its third decimal is noise.
        var isRatio = _quantity.Length > 0;
        var value = isRatio ? Math.Round(_isLeast ? metric.Speed(ours, other) : ours / other, 2) : ours;
        var met = (_isLeast ? value >= _bound : value <= _bound) ? "met" : "**missed**";
        return string.Create(CultureInfo.InvariantCulture,
            $"{(isRatio ? $"{_quantity} {value:F2}" : "")} | at {(_isLeast ? "least" : "most")} {_bound:#,0.##}: {met}");
    }
}
