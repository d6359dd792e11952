
namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>Reads streamed responses, and when calls ran.</summary>
public static class StreamedResponses
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Reads lines of a response as they arrive, and then leaves it.</summary>
    /// <param name="response">The response.</param>
    /// <param name="count">The number of lines; without it, all of them.</param>
    public static async Task<List<string>> ReadLinesAsync(this HttpResponseMessage response, int count = int.MaxValue)
    {
        var lines = new List<string>();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        while (lines.Count < count && await reader.ReadLineAsync().WaitAsync(Limit) is { } line)
        {
            lines.Add(line);
        }

        return lines;
    }

    /// <summary>Whether all calls of a gather had started before the first of them ended.</summary>
    public static bool RanAtOnce(this ApiResponse gather)
    {
        var results = gather["results"].EnumerateArray().ToList();
        return results.Max(static result => result.GetProperty("startedMs").GetDouble()) < results.Min(static result => result.GetProperty("finishedMs").GetDouble());
    }
}
