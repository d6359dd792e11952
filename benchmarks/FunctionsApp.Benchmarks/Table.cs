using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace FunctionsApp.Benchmarks;

/// <summary>Runs the contestants of each row in turn and compares their medians.</summary>
internal sealed class Table
{
    private const string Head = """
        | work | by | median | LocalHost beside it | goal |
        |---|---|---|---|---|
        """;

    private readonly TextWriter _output;
    private readonly StringBuilder _lines = new();
    private readonly StringBuilder _explanations = new();

    public Table(TextWriter output)
    {
        _output = output;
        _output.WriteLine(Head);
    }

    /// <summary>Runs and adds a row.</summary>
    public async Task AddAsync(Row row)
    {
        await using var stage = new Stage();
        var contestants = await row.EnterAsync(stage);
        var medians = await MeasureAsync(row, [.. contestants.Where(static contestant => contestant.Missing is null)]);
        foreach (var contestant in contestants)
        {
            var cells = medians.TryGetValue(contestant, out var median)
                ? $"{row.Metric.Say(median)} | {Compare(row.Metric, contestant, median, ours: medians.GetValueOrDefault(contestants[0], double.NaN), contestant == contestants[0])}"
                : $"{contestant.Missing} | | ";
            var line = $"| {row.Work} | {contestant.Name} | {cells} |";
            _lines.AppendLine(line);
            await _output.WriteLineAsync(line);
        }

        _explanations.AppendLine(CultureInfo.InvariantCulture, $"- {row.Work}: {row.How} {row.Runs} runs{(row.WarmUps > 0 ? $" after {row.WarmUps} to warm up" : "")}.{(row.Bound is { } bound ? " " + bound : "")}");
    }

    /// <summary>The rows, how each is measured, the machine and the date.</summary>
    public string ToMarkdown() => string.Create(CultureInfo.InvariantCulture, $"""
        # Performance

        Medians, on {Machine()}, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}, on {DateTimeOffset.UtcNow:yyyy-MM-dd}. Made by

        ```bash
        dotnet run -c Release --project benchmarks/FunctionsApp.Benchmarks docs/performance.md
        ```

        LocalHost, published as [hosts](hosts.md#how-to-run-each) says, runs in a process of its own. Its times are those of HTTP
        requests, parsing and response included. Where it says in-process, the others do the same work in their own process and are
        timed there. All contestants of a row run in turn, so that they see the same machine. The fourth column compares LocalHost
        with the contestant of that line: a speed above 1 means that LocalHost is faster, a time or memory above 1 that it takes more.

        {Head}
        {_lines}
        ## How each row is measured

        {_explanations}
        What one item costs inside the process is measured by

        ```bash
        dotnet run -c Release --project benchmarks/FunctionsApp.MicroBenchmarks
        ```

        """);

    private static async Task<Dictionary<Contestant, double>> MeasureAsync(Row row, List<Contestant> contestants)
    {
        var values = contestants.ToDictionary(static contestant => contestant, static _ => new List<double>());
        for (var run = 0; run < row.WarmUps + row.Runs; run++)
        {
            // In turn, so that all of them see the same machine, whatever else it does.
            foreach (var contestant in contestants)
            {
                var value = await contestant.RunAsync();
                if (run >= row.WarmUps)
                {
                    values[contestant].Add(value);
                }
            }
        }

        return values.ToDictionary(static entry => entry.Key, static entry => entry.Value.Order().ElementAt(entry.Value.Count / 2));
    }

    private static string Compare(Metric metric, Contestant contestant, double median, double ours, bool isOurs) =>
        contestant.Goal is { } goal ? goal.Judge(metric, ours, median)
        : isOurs ? " | "
        : string.Create(CultureInfo.InvariantCulture, $"speed {metric.Speed(ours, median):F2} | ");

    private static string Machine()
    {
        const string CpuInfo = "/proc/cpuinfo";
        var model = File.Exists(CpuInfo)
            ? File.ReadLines(CpuInfo).FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[^1]
            : null;
        return string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} cores ({model ?? RuntimeInformation.ProcessArchitecture.ToString()})");
    }
}
