using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>The README shows what a newcomer sees: its blocks are pasted into a shell, and what they print is compared.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class ReadmeTests(FunctionsAppFixture app)
{
    [ShellFact]
    public async Task Blocks_print_the_output_that_the_readme_shows()
    {
        await using var shell = new Shell(Repository.Root);
        var key = Environment.GetEnvironmentVariable("FUNCTIONS_KEY") ?? "";
        if (key.Length > 0)
        {
            await shell.RunAsync($"curl() {{ command curl -H 'x-functions-key: {key}' \"$@\"; }}");
        }

        var blocks = Page.Read("README.md").Where(static block => block.Output is not null).ToList();
        Assert.Equal(4, blocks.Count);

        // The program in Python has no key.
        foreach (var (commands, output) in blocks.Where(block => key.Length == 0 || !block.Commands.Contains("python3", StringComparison.Ordinal)))
        {
            var here = app.Api.Http.BaseAddress!.GetLeftPart(UriPartial.Authority);
            Page.AssertPrinted(output!, await shell.RunAsync(commands.Replace(Page.Address, here, StringComparison.Ordinal)));
        }
    }
}

/// <summary>A test that pastes into a shell.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ShellFactAttribute : FactAttribute
{
    /// <summary>Why it cannot run here; null if it can.</summary>
    public static string? Missing { get; } =
        OperatingSystem.IsWindows() ? "Runs the commands of a Unix shell."
        : new[] { "curl", "python3" }.Any(static tool => !Shell.IsOnPath(tool)) ? "Needs curl and Python 3.11."
        : null;

    /// <inheritdoc/>
    public override string? Skip => Missing;
}

/// <summary>The same, for each of several pages.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ShellTheoryAttribute : TheoryAttribute
{
    /// <inheritdoc/>
    public override string? Skip => ShellFactAttribute.Missing;
}
