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
        if (Environment.GetEnvironmentVariable("FUNCTIONS_KEY") is { Length: > 0 } key)
        {
            await shell.RunAsync($"curl() {{ command curl -H 'x-functions-key: {key}' \"$@\"; }}");
        }

        var blocks = Page.Read("README.md").Where(static block => block.Output is not null).ToList();
        Assert.True(blocks.Count > 8);
        foreach (var (commands, output) in blocks)
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
    public static string? Missing => OperatingSystem.IsWindows() ? "Runs the commands of a Unix shell." : null;

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
