using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Patterns.Map;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>What holds of a map of calls whatever its items and options are.</summary>
public sealed class CallMapProperties : PatternTests
{
    private static readonly Gen<Scenario> Scenarios =
        from items in (from durationMs in Gen.Frequency((4, Gen.Choose(0, 30)), (1, Gen.Choose(0, 500)))
                       from isValid in Gen.Frequency((9, Gen.Constant(true)), (1, Gen.Constant(false)))
                       select new Item(durationMs, isValid)).ListOf()
        from maxConcurrency in Gen.Choose(1, 8)
        from maxPerSecond in Gen.Frequency((2, Gen.Constant<double?>(null)), (1, Gen.Elements<double?>(5, 20, 100)))
        from ordered in Gen.Elements(true, false)
        from asLines in Gen.Elements(true, false)
        select new Scenario([.. items], maxConcurrency, maxPerSecond, ordered, asLines);

    [Fact]
    public void Each_item_has_one_result_and_no_limit_is_exceeded() => Prop.ForAll(Scenarios.ToArbitrary(), scenario =>
    {
        var lines = Run(CollectAsync(scenario));

        Assert.Equal(0, Time.Timers);
        Assert.Equal(Enumerable.Range(0, scenario.Items.Count), lines.Select(static line => line.Index).Order());
        Assert.All(lines, line => Assert.Equal(scenario.Items[line.Index].IsValid, line.Succeeds));
        if (scenario.Ordered)
        {
            Assert.Equal(Enumerable.Range(0, scenario.Items.Count), lines.Select(static line => line.Index));
        }

        Assert.All(lines, line => Assert.InRange(
            lines.Count(other => other.StartedMs <= line.StartedMs && other.FinishedMs > line.StartedMs), 0, scenario.MaxConcurrency));
        var starts = lines.OrderBy(static line => line.Index).Select(static line => line.StartedMs).ToList();
        Assert.Equal(starts.Order(), starts);
        if (scenario.MaxPerSecond is { } rate)
        {
            Assert.All(starts.Index(), start => Assert.InRange(start.Item, (start.Index - 0.5) * 1_000 / rate, double.MaxValue));
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));

    private async Task<List<Line>> CollectAsync(Scenario scenario)
    {
        var items = scenario.Items.Select(static item => item.IsValid
            ? string.Create(CultureInfo.InvariantCulture, $"{item.DurationMs / 1_000.0}")
            : "\"late\"");
        var options = string.Create(CultureInfo.InvariantCulture,
            $"\"maxConcurrency\":{scenario.MaxConcurrency},\"maxPerSecond\":{(scenario.MaxPerSecond is { } rate ? rate : "null")}")
            + $",\"ordered\":{(scenario.Ordered ? "true" : "false")},\"returnExceptions\":true,\"timeline\":true";
        var service = Get<MapService>();
        var events = scenario.AsLines
            ? service.StreamAsync("delay", Read<MapOptions>($"{{{options}}}"), Lines(items), default)
            : service.StreamAsync("delay", Get<MapRequestReader>().Read<MapRequest>(
                Encoding.UTF8.GetBytes($$"""{"items":[{{string.Join(',', items)}}],{{options}}}""")), default);
        var text = new StringBuilder();
        await foreach (var part in events)
        {
            text.Append(Encoding.UTF8.GetString(part.Lines.Span));
        }

        return [.. text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => Line.Parse(JsonElement.Parse(line)))];
    }

    private static PipeReader Lines(IEnumerable<string> items) =>
        PipeReader.Create(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(string.Join('\n', items))));

    /// <summary>Advances the time until the task ends.</summary>
    private T Run<T>(Task<T> task)
    {
        for (var watch = Stopwatch.StartNew(); !task.IsCompleted; Thread.Yield())
        {
            Assert.True(watch.Elapsed < Limit, "It never ends.");
            Time.Advance(TimeSpan.FromMilliseconds(1));
        }

        return task.GetAwaiter().GetResult();
    }

    private sealed record Item(int DurationMs, bool IsValid);

    private sealed record Scenario(IReadOnlyList<Item> Items, int MaxConcurrency, double? MaxPerSecond, bool Ordered, bool AsLines);

    private sealed record Line(int Index, bool Succeeds, double StartedMs, double FinishedMs)
    {
        public static Line Parse(JsonElement line) => new(
            line.GetProperty("index").GetInt32(), line.TryGetProperty("result", out _),
            line.GetProperty("startedMs").GetDouble(), line.GetProperty("finishedMs").GetDouble());
    }
}
