using System.Diagnostics;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>A line of a streamed answer, and when it arrived.</summary>
public sealed record TimedLine(string Text, TimeSpan At);

/// <summary>Reads streamed answers as they arrive.</summary>
public static class TimedLines
{
    public static async Task<List<TimedLine>> ReadAsync(HttpResponseMessage response)
    {
        var watch = Stopwatch.StartNew();
        var lines = new List<TimedLine>();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is { } line)
        {
            lines.Add(new TimedLine(line, watch.Elapsed));
        }

        return lines;
    }
}
