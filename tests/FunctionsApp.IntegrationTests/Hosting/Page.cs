using System.Text.RegularExpressions;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>A page of the documentation: its blocks for bash, each with the output that the page shows below it.</summary>
public static partial class Page
{
    /// <summary>The address that pages show.</summary>
    public const string Address = "http://127.0.0.1:7071";

    /// <summary>Reads the blocks of a page.</summary>
    /// <param name="path">The page, such as <c>README.md</c>.</param>
    /// <returns>Each block with its output; null when the page shows none.</returns>
    public static IReadOnlyList<(string Commands, string? Output)> Read(string path) =>
    [
        .. Blocks().Matches(File.ReadAllText(Path.Combine(Repository.Root, path)).ReplaceLineEndings("\n")).Select(static block =>
            (block.Groups["commands"].Value, block.Groups["output"].Success ? block.Groups["output"].Value : null)),
    ];

    /// <summary>Reads the first program in Python of a page, with the output that the page shows below it.</summary>
    /// <param name="path">The page.</param>
    public static (string Program, string Output) ReadProgram(string path)
    {
        var program = Programs().Match(File.ReadAllText(Path.Combine(Repository.Root, path)).ReplaceLineEndings("\n"));
        return (program.Groups["program"].Value, program.Groups["output"].Value);
    }

    /// <summary>Asserts that a block has printed what the page shows, but for what differs from run to run.</summary>
    public static void AssertPrinted(string shown, string printed)
    {
        printed = printed.ReplaceLineEndings("\n");
        if (shown.StartsWith("HTTP/", StringComparison.Ordinal))
        {
            // A page shows the headers that matter.
            var parts = shown.Split("\n\n", 2);
            var headers = Steady(printed.Split("\n\n", 2)[0]).Split('\n');
            Assert.All(Steady(parts[0]).Split('\n'), header => Assert.Contains(header, headers));
            (shown, printed) = (parts[1], printed.Split("\n\n", 2)[1]);
        }

        var expected = new Regex(
            $"^{Regex.Escape(Steady(shown)).Replace("…", ".*?", StringComparison.Ordinal)}$", RegexOptions.Singleline, TimeSpan.FromSeconds(10));
        Assert.True(expected.IsMatch(Steady(printed)), $"The page shows\n{shown}\nand this was printed:\n{printed}");
    }

    private static string Steady(string text) => Unsteady().Replace(text.Trim(), "${name}…");

    [GeneratedRegex("^```bash\\n(?<commands>.*?)^```\\n(\\n```(json|text|http)\\n(?<output>.*?)^```)?", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Blocks();

    [GeneratedRegex("^```python\\n(?<program>.*?)^```\\n\\n```text\\n(?<output>.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Programs();

    [GeneratedRegex("(?<name>/api/tasks/)[0-9a-f]{32}|(?<name>\"(id|elapsedMs|startedMs|finishedMs|worker|workers|traceId|(created|started|finished|expires|nextAttempt)At)\":)(\"[0-9a-f…]*\"|[0-9.]+|\"[0-9-]+T[0-9:.]+\\+00:00\")", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Unsteady();
}
