using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace FunctionsApp.Benchmarks;

/// <summary>Runs contestants in turn and compares their medians.</summary>
internal sealed class Table(TextWriter output)
{
    private const int WarmUps = 15;
    private const int Runs = 9;

    private readonly StringBuilder _rows = new();

    /// <summary>Adds a row. The first contestant is ours; a ratio above 1 means that the peer takes longer.</summary>
    public async Task AddAsync(string work, params IContestant[] contestants)
    {
        var present = contestants.Where(static contestant => contestant.Missing is null).ToList();
        var times = present.ToDictionary(static contestant => contestant, static _ => new List<double>());
        for (var run = 0; run < WarmUps + Runs; run++)
        {
            // In turn, so that all of them see the same machine, whatever else it does.
            foreach (var contestant in present)
            {
                var elapsed = await contestant.RunAsync();
                if (run >= WarmUps)
                {
                    times[contestant].Add(elapsed);
                }
            }
        }

        var ours = Median(times[contestants[0]]);
        foreach (var contestant in contestants)
        {
            var row = contestant.Missing is { } missing
                ? $"| {work} | {contestant.Name} | {missing} | |"
                : string.Create(CultureInfo.InvariantCulture,
                    $"| {work} | {contestant.Name} | {Median(times[contestant]):F1} ms | {Median(times[contestant]) / ours:F2} |");
            _rows.AppendLine(row);
            await output.WriteLineAsync(row);
            await contestant.DisposeAsync();
        }
    }

    /// <summary>The rows with a heading, the machine and the date.</summary>
    public string ToMarkdown() => string.Create(CultureInfo.InvariantCulture, $"""
        # Performance

        Medians of {Runs} runs each, in turn, after {WarmUps} to warm up, on {RuntimeInformation.OSDescription} with {Environment.ProcessorCount} cores,
        {RuntimeInformation.FrameworkDescription}, on {DateTimeOffset.UtcNow:yyyy-MM-dd}. Made by

        ```bash
        dotnet run -c Release --project benchmarks/FunctionsApp.Benchmarks docs/performance.md
        ```

        LocalHost is asked over HTTP, parsing and answer included; the others do the same work in their own process. A ratio
        above 1 means that it takes longer than LocalHost.

        | work | by | median | ratio |
        |---|---|---|---|
        {_rows}
        """);

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
