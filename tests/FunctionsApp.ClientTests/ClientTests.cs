using System.Diagnostics;
using System.Text.RegularExpressions;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>Programs in other languages call the app: the commands of docs/clients.md are run, and what they print is compared.</summary>
public sealed partial class ClientTests(FunctionsAppFixture app) : IClassFixture<FunctionsAppFixture>
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    private static string Text { get; } = File.ReadAllText(Path.Combine(Repository.Root, "docs", "clients.md"));

    /// <summary>The commands that the page has once for all generators of TypeScript.</summary>
    private static Lazy<Task> Installed { get; } = new(static async () =>
    {
        // A download may fail once.
        var install = Text.Split("## TypeScript\n")[1].Split("```sh\n")[1].Split("\n```")[0];
        var (exitCode, printed, error) = await RunAsync("bash", "-c", $"{install} || {install}");
        Assert.True(exitCode == 0, printed + error);
    });

    /// <summary>The parts of the page that have commands, and what they print.</summary>
    public static TheoryData<string> Examples() => [.. Parts().Matches(Text).Select(static part => part.Groups["heading"].Value)];

    [ToolsTheory]
    [MemberData(nameof(Examples))]
    public async Task Commands_print_what_the_page_shows(string heading)
    {
        if (heading.StartsWith("TypeScript: ", StringComparison.Ordinal))
        {
            await Installed.Value;
        }

        var part = Parts().Matches(Text).Single(part => part.Groups["heading"].Value == heading);

        // Only the last command's output is shown.
        var lines = part.Groups["commands"].Value.Trim().Split('\n');
        var script = string.Join('\n', ["set -e", .. lines[..^1].Select(static line => line + " >&2"), lines[^1]]).Replace(Page.Address, Origin, StringComparison.Ordinal);

        var (exitCode, printed, error) = await RunAsync("bash", "-c", script);

        Assert.True(exitCode == 0, $"{heading}: {error}{printed}");
        Assert.Equal(part.Groups["output"].Value, printed);

        // The page names both of them.
        Assert.Equal(heading == "C#: Kiota" ? 2 : 0, error.Split("OpenAPI warning").Length - 1);
    }

    [Theory]
    [InlineData("kiota/Program.cs")]
    [InlineData("nswag/Program.cs")]
    [InlineData("python/examples/program.py")]
    [InlineData("typescript/hey-api/program.ts")]
    [InlineData("typescript/lines.ts")]
    [InlineData("typescript/openapi-fetch/program.ts")]
    [InlineData("typescript/openapi-typescript-codegen/program.ts")]
    [InlineData("typescript/orval/program.ts")]
    [InlineData("typescript/rtk-query/program.ts")]
    [InlineData("typescript/swagger-typescript-api/program.ts")]
    public async Task The_page_shows_the_program_that_the_test_runs(string path) =>
        Assert.Contains(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "clients", path)), Text, StringComparison.Ordinal);

    private string Origin => app.Api.Http.BaseAddress!.GetLeftPart(UriPartial.Authority);

    /// <summary>Runs a program in the root of the repository.</summary>
    internal static async Task<(int ExitCode, string Output, string Error)> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = Repository.Root, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };

        // Those of the Python client start a host of their own, unless FUNCTIONS_BASE_URL names one.
        start.Environment["FUNCTIONS_LOCALHOST"] = Repository.Assembly("src/FunctionsApp.LocalHost");
        start.Environment["KIOTA_CLI_TELEMETRY_OPTOUT"] = "true";
        Shell.KeepQuiet(start);
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var error = process.StandardError.ReadToEndAsync(limit.Token);
        try
        {
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    [GeneratedRegex(@"^## (?<heading>[^\n]+)\n((?!^## ).)*?^```sh\n(?<commands>((?!^```).)*)^```\n\n```text\n(?<output>((?!^```).)*)^```", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.ExplicitCapture, 5_000)]
    private static partial Regex Parts();
}

/// <summary>A test that runs programs of other languages.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ToolsFactAttribute : FactAttribute
{
    /// <inheritdoc/>
    public override string? Skip => ToolsTheoryAttribute.Missing;
}

/// <inheritdoc cref="ToolsFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ToolsTheoryAttribute : TheoryAttribute
{
    /// <inheritdoc/>
    public override string? Skip => Missing;

    /// <summary>Why the tests cannot run here; null if they can.</summary>
    public static string? Missing { get; } =
        OperatingSystem.IsWindows() ? "Runs the commands of a Unix shell."
        : new[] { "npm", "python3" }.Any(static tool => !Shell.IsOnPath(tool)) ? "Needs npm and Python 3.11."
        : null;
}
