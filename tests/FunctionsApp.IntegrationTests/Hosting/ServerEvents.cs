using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>A server-sent event.</summary>
/// <param name="Id">Its number; null for one without.</param>
/// <param name="Name">Its name; null for one without.</param>
/// <param name="Data">Its data.</param>
public sealed record ServerEvent(long? Id, string? Name, JsonElement Data)
{
    public string Status => Data.GetProperty("status").GetString()!;

    /// <summary>What a task's progress counts as done; null when it has none.</summary>
    public long? Completed => Data.TryGetProperty("progress", out var progress) ? progress.GetProperty("completed").GetInt64() : null;
}

/// <summary>Reads the changes of a task.</summary>
public static class ServerEvents
{
    /// <summary>Watches a task; ends with the stream.</summary>
    /// <param name="api">The app.</param>
    /// <param name="id">The task's id.</param>
    /// <param name="lastId">The last event that is known.</param>
    public static async IAsyncEnumerable<ServerEvent> WatchAsync(this Api api, string id, long? lastId = null)
    {
        using var response = await api.OpenEventsAsync(id, lastId);
        Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (response.StatusCode, response.Content.Headers.ContentType?.MediaType));
        await foreach (var next in ReadAsync(response))
        {
            yield return next;
        }
    }

    /// <summary>Begins to watch a task.</summary>
    public static async Task<HttpResponseMessage> OpenEventsAsync(this Api api, string id, long? lastId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"tasks/{id}/events");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (lastId is { } last)
        {
            request.Headers.Add("Last-Event-ID", last.ToString(CultureInfo.InvariantCulture));
        }

        return await api.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>Reads the events of an answer as they arrive.</summary>
    public static async IAsyncEnumerable<ServerEvent> ReadAsync(HttpResponseMessage response)
    {
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.Length > 0)
            {
                var colon = line.IndexOf(": ", StringComparison.Ordinal);
                fields[line[..colon]] = line[(colon + 2)..];
            }
            else if (fields.TryGetValue("data", out var data))
            {
                yield return new ServerEvent(
                    fields.TryGetValue("id", out var id) ? long.Parse(id, CultureInfo.InvariantCulture) : null, fields.GetValueOrDefault("event"), JsonElement.Parse(data));
                fields.Clear();
            }
        }
    }
}
