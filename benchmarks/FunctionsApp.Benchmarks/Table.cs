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

    private const string GrowthHead = """
        | work | size | median | slope | memory |
        |---|---|---|---|---|
        """;

    private readonly TextWriter _output;
    private readonly StringBuilder _lines = new();
    private readonly StringBuilder _growths = new();
    private readonly StringBuilder _explanations = new();
    private readonly StringBuilder _bounds = new();

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
        var medians = await MeasureAsync(row.WarmUps, row.Runs, [.. contestants.Where(static contestant => contestant.Missing is null)]);
        foreach (var contestant in contestants)
        {
            var cells = medians.TryGetValue(contestant, out var median)
                ? $"{row.Metric.Say(median)} | {Compare(row.Metric, contestant, median, ours: medians.GetValueOrDefault(contestants[0], double.NaN), contestant == contestants[0])}"
                : $"{contestant.Missing} | | ";
            var line = $"| {row.Work} | {contestant.Name} | {cells} |";
            _lines.AppendLine(line);
            await _output.WriteLineAsync(line);
        }

        Explain(row.Work, row.How, row.Runs, row.WarmUps, row.Bound);
    }

    /// <summary>Runs and adds a piece of work at all its sizes.</summary>
    public async Task AddAsync(Growth growth)
    {
        await using var stage = new Stage();
        var hosts = new Dictionary<string, Server>(StringComparer.Ordinal);
        var sizes = new List<Contestant>();
        foreach (var size in growth.Sizes)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{size:N0} {(size == 1 ? growth.Unit[..^1] : growth.Unit)}");
            var host = hosts[name] = await stage.StartAsync(ServerApp.LocalHost);
            sizes.Add(new Contestant(name, () => growth.RunAsync(host, size)));
        }

        var medians = await MeasureAsync(growth.WarmUps, growth.Runs, sizes);
        if (_growths.Length == 0)
        {
            await _output.WriteLineAsync(GrowthHead);
        }

        for (var i = 0; i < sizes.Count; i++)
        {
            var median = medians[sizes[i]];
            var slope = i == 0 ? "" : string.Create(CultureInfo.InvariantCulture,
                $"{Math.Log(median / medians[sizes[i - 1]]) / Math.Log((double)growth.Sizes[i] / growth.Sizes[i - 1]):F2}");
            var memory = OperatingSystem.IsLinux() ? Metric.Mebibytes.Say(hosts[sizes[i].Name].PeakMemory) : "only Linux reports it";
            var line = $"| {growth.Work} | {sizes[i].Name} | {growth.Metric.Say(median)} | {slope} | {memory} |";
            _growths.AppendLine(line);
            await _output.WriteLineAsync(line);
        }

        Explain(growth.Work, growth.How, growth.Runs, growth.WarmUps);
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
        ## How cost grows

        Each size has a LocalHost of its own, and all sizes run in turn. The slope is the exponent from the line before to this one: a
        time that grows with a slope of 1 is proportional to the size, and one of 0 does not depend on it. Memory is the most that was
        resident at once (`VmHWM`), with what the warm-up took.

        {GrowthHead}
        {_growths}
        ## How each row is measured

        | work | how | runs | to warm up |
        |---|---|---|---|
        {_explanations}
        ## What bounds a row

        | work | bound |
        |---|---|
        {_bounds}
        What one item costs inside the process is measured by

        ```bash
        dotnet run -c Release --project benchmarks/FunctionsApp.MicroBenchmarks
        ```

        """);

    private void Explain(string work, string how, int runs, int warmUps, string? bound = null)
    {
        _explanations.AppendLine(CultureInfo.InvariantCulture, $"| {work} | {how} | {runs} | {warmUps} |");
        if (bound is not null)
        {
            _bounds.AppendLine(CultureInfo.InvariantCulture, $"| {work} | {bound} |");
        }
    }

    private static async Task<Dictionary<Contestant, double>> MeasureAsync(int warmUps, int runs, List<Contestant> contestants)
    {
        var values = contestants.ToDictionary(static contestant => contestant, static _ => new List<double>());
        for (var run = 0; run < warmUps + runs; run++)
        {
            // In turn, so that all of them see the same machine, whatever else it does.
            foreach (var contestant in contestants)
            {
                var value = await contestant.RunAsync();
                if (run >= warmUps)
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
