using System.Globalization;
using System.Text.RegularExpressions;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>The README shows what a newcomer sees: its curl lines are sent, and what comes back is compared.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed partial class ReadmeTests(FunctionsAppFixture app)
{
    public static TheoryData<string, string> Examples()
    {
        var examples = new TheoryData<string, string>();
        foreach (Match block in Blocks().Matches(File.ReadAllText(Path.Combine(LocalHostProcess.RepositoryRoot, "README.md"))))
        {
            foreach (var example in block.Groups["text"].Value.Split("$ ", StringSplitOptions.RemoveEmptyEntries))
            {
                var parts = example.Split('\n', 2);
                examples.Add(parts[0], parts[1]);
            }
        }

        return examples;
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task A_curl_line_gives_what_the_readme_shows(string command, string output)
    {
        var curl = Curl().Match(command);
        Assert.True(curl.Success, $"Not understood: {command}");
        var path = curl.Groups["path"].Value;
        using var response = curl.Groups switch
        {
            var groups when groups["last"].Success => await app.Api.SendAsync(path, Lines(groups["last"].Value), contentType: "application/x-ndjson"),
            var groups when groups["json"].Success => await app.Api.SendAsync(
                path, groups["json"].Value, accept: groups["accept"].Success ? groups["accept"].Value : null),
            _ => await app.Api.Http.GetAsync(new Uri(path, UriKind.Relative)),
        };

        Assert.Equal(Steady(output), Steady(await response.Content.ReadAsStringAsync()));
    }

    /// <summary>What <c>seq 1 last</c> prints.</summary>
    private static string Lines(string last) =>
        string.Concat(Enumerable.Range(1, int.Parse(last, CultureInfo.InvariantCulture)).Select(static n => string.Create(CultureInfo.InvariantCulture, $"{n}\n")));

    /// <summary>Without what differs from run to run.</summary>
    private static string Steady(string text) => Unsteady().Replace(text.Trim(), "${name}…");

    [GeneratedRegex("^```console\\n(?<text>.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Blocks();

    [GeneratedRegex("^(seq 1 (?<last>\\d+) \\| )?curl -sN? (-T \\. -X POST -H 'Content-Type: application/x-ndjson' )?(--json '(?<json>[^']*)' )?(-H 'Accept: (?<accept>[^']*)' )?http://127\\.0\\.0\\.1:7071/api/(?<path>\\S+)$", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Curl();

    [GeneratedRegex("(?<name>\"(elapsedMs|startedMs|finishedMs|worker|workers|traceId)\":)(\"[0-9a-f]*\"|[0-9.]+)", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Unsteady();
}
