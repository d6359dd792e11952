using System.Text.RegularExpressions;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.LocalHost;

/// <summary>The pages of the documentation show what a reader sees: the blocks for bash are pasted into a shell, and what they print is compared.</summary>
public sealed partial class DocsTests
{
    [ShellTheory]
    [InlineData("docs/README.md", 2)]
    [InlineData("docs/await.md", 3)]
    [InlineData("docs/callback.md", 4)]
    [InlineData("docs/errors.md", 20)]
    [InlineData("docs/gather.md", 9)]
    [InlineData("docs/map.md", 15)]
    [InlineData("docs/openapi.md", 1)]
    [InlineData("docs/operations.md", 6)]
    [InlineData("docs/outbound.md", 7)]
    [InlineData("docs/sequence.md", 4)]
    [InlineData("docs/stream.md", 4)]
    [InlineData("docs/tasks.md", 9)]
    public async Task Blocks_print_the_output_that_the_page_shows(string page, int atLeast)
    {
        // As the page on outbound requests says: the app may call itself.
        await using var host = await LocalHostProcess.StartAsync(("Outbound__AllowedHosts__0", "127.0.0.1"), ("Cpu__Threads", "2"));
        var here = host.BaseAddress.GetLeftPart(UriPartial.Authority);
        var folder = Directory.CreateTempSubdirectory("docs-");
        try
        {
            await using var shell = new Shell(folder.FullName);
            var compared = 0;
            foreach (var (commands, output) in Page.Read(page))
            {
                var printed = await shell.RunAsync(commands.Replace(Page.Address, here, StringComparison.Ordinal));
                if (output is not null)
                {
                    Page.AssertPrinted(output, printed.Replace(here, Page.Address, StringComparison.Ordinal));
                    compared++;
                }
            }

            Assert.True(compared >= atLeast, $"{page} has only {compared} blocks with an output.");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void No_block_of_a_page_has_a_prompt()
    {
        var pages = new[] { ".", "docs", "clients/python", "benchmarks", "templates/app", "tests/FunctionsApp.TestHost" }
            .SelectMany(static folder => Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.md"))
            .ToList();

        Assert.True(pages.Count > 30);
        Assert.Empty(pages.SelectMany(static page => Fences().Matches(File.ReadAllText(page))
            .Where(static block => block.Groups["language"].Value == "console" || Prompts().IsMatch(block.Value))
            .Select(block => $"{Path.GetFileName(page)}: {block.Value}")));
    }

    [Fact]
    public void The_page_on_an_app_of_ones_own_shows_the_test_of_the_template()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "own-app.md"));
        var shown = Fences().Matches(page).Single(static block => block.Value.Contains("[Fact]", StringComparison.Ordinal)).Value
            .Replace("AddTeam()", "AddOwnAppMethod()", StringComparison.Ordinal);
        var template = File.ReadAllText(Path.Combine(Repository.Root, "templates", "app", "tests", "MyApp.Tests", "TextReverseOperationTests.cs"));

        Assert.Contains(shown["```csharp\n".Length..^"```".Length], template, StringComparison.Ordinal);
    }

    [GeneratedRegex("^```(?<language>[a-z]*)\\n.*?^```$", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Fences();

    [GeneratedRegex("^(\\$|>|PS [A-Z]:.*>) ", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Prompts();
}
