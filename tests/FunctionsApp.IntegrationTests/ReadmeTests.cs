using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>The README shows what a newcomer sees: its curl lines are sent, and what comes back is compared.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed partial class ReadmeTests(FunctionsAppFixture app)
{
    public static TheoryData<string> Examples() =>
        [.. Blocks().Matches(File.ReadAllText(Path.Combine(Repository.Root, "README.md"))).Select(static block => block.Groups["text"].Value)];

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task Curl_lines_print_the_output_that_the_readme_shows(string block)
    {
        // The id of a task that the README shows, and that of the task that was created here in its place.
        var ids = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var example in block.Split("$ ", StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = example.Split('\n', 2);
            var actual = await SendAsync(Here(parts[0], ids));
            foreach (var (shown, id) in TaskIds(parts[1]).Zip(TaskIds(actual)))
            {
                ids[shown] = id;
            }

            Assert.Matches(Shown(Steady(Here(parts[1], ids))), Steady(actual));
        }
    }

    private async Task<string> SendAsync(string command)
    {
        var curl = Curl().Match(command);
        Assert.True(curl.Success, $"Not understood: {command}");
        var groups = curl.Groups;
        var body = groups["last"].Success ? Lines(groups["last"].Value) : groups["json"].Success ? groups["json"].Value : null;
        using var request = new HttpRequestMessage(
            groups["method"].Success ? HttpMethod.Parse(groups["method"].Value) : body is null ? HttpMethod.Get : HttpMethod.Post, groups["path"].Value);
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        foreach (var header in groups["header"].Captures.Select(static header => header.Value.Split(": ", 2)))
        {
            if (header[0] == "Content-Type")
            {
                request.Content!.Headers.ContentType = MediaTypeHeaderValue.Parse(header[1]);
            }
            else
            {
                request.Headers.Add(header[0], header[1]);
            }
        }

        using var response = await app.Api.Http.SendAsync(request);
        return await response.Content.ReadAsStringAsync();
    }

    /// <summary>What <c>seq 1 last</c> prints.</summary>
    private static string Lines(string last) =>
        string.Concat(Enumerable.Range(1, int.Parse(last, CultureInfo.InvariantCulture)).Select(static n => string.Create(CultureInfo.InvariantCulture, $"{n}\n")));

    private static IEnumerable<string> TaskIds(string text) => TaskId().Matches(text).Select(static match => match.Groups["id"].Value);

    private static string Here(string text, Dictionary<string, string> ids) =>
        ids.Aggregate(text, static (text, id) => text.Replace(id.Key, id.Value, StringComparison.Ordinal));

    /// <summary>Without what differs from run to run.</summary>
    private static string Steady(string text) => Unsteady().Replace(text.Trim(), "${name}…");

    /// <summary>Matches what the README shows; an ellipsis stands for what it has cut.</summary>
    private static Regex Shown(string text) =>
        new($"^{Regex.Escape(text).Replace("…", ".*?", StringComparison.Ordinal)}$", RegexOptions.Singleline, TimeSpan.FromSeconds(10));

    [GeneratedRegex("^```console\\n(?<text>.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Blocks();

    [GeneratedRegex("^(seq 1 (?<last>\\d+) \\| )?curl -sN?( -T \\.| -X (?<method>[A-Z]+)| -H '(?<header>[^']*)'| --json '(?<json>[^']*)')* '?http://127\\.0\\.0\\.1:7071/api/(?<path>[^\\s']+)'?$", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Curl();

    [GeneratedRegex("\"id\":\"(?<id>[0-9a-f]{32})\"", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex TaskId();

    [GeneratedRegex("(?<name>\"(elapsedMs|startedMs|finishedMs|worker|workers|traceId|(created|started|finished|expires)At)\":)(\"[0-9a-f]*\"|[0-9.]+|\"[0-9-]+T[0-9:.]+\\+00:00\")", RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex Unsteady();
}
