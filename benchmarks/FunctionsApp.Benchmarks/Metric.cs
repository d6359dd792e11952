using System.Globalization;

namespace FunctionsApp.Benchmarks;

/// <summary>What a row measures.</summary>
/// <param name="Unit">Its unit.</param>
/// <param name="Format">How its numbers are written.</param>
/// <param name="HigherIsBetter">Whether more is faster.</param>
internal sealed record Metric(string Unit, string Format, bool HigherIsBetter)
{
    public static Metric Milliseconds { get; } = new("ms", "N1", HigherIsBetter: false);

    public static Metric Microseconds { get; } = new("µs", "N0", HigherIsBetter: false);

    public static Metric RequestsPerSecond { get; } = new("requests/s", "N0", HigherIsBetter: true);

    public static Metric ItemsPerSecond { get; } = new("items/s", "N0", HigherIsBetter: true);

    public static Metric PerSecond { get; } = new("/s", "N0", HigherIsBetter: true);

    public static Metric Mebibytes { get; } = new("MiB", "N1", HigherIsBetter: false);

    /// <summary>A value with its unit.</summary>
    public string Say(double value) => value.ToString(Format, CultureInfo.InvariantCulture) + " " + Unit;

    /// <summary>How many times as fast as the other ours is.</summary>
    public double Speed(double ours, double other) => HigherIsBetter ? ours / other : other / ours;
}
