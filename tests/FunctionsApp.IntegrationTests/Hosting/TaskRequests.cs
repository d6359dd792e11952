using System.Net;
using System.Text.Json;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>The requests about tasks.</summary>
public static class TaskRequests
{
    /// <summary>An hour, which no test waits for.</summary>
    public const string Endless = """{"seconds":3600}""";

    private static readonly string[] Ends = ["succeeded", "failed", "cancelled"];

    /// <summary>Creates a task, which is expected to be accepted.</summary>
    /// <param name="api">The app.</param>
    /// <param name="path">What comes after <c>/api/</c>.</param>
    /// <param name="json">The body.</param>
    /// <param name="headers">More headers.</param>
    /// <returns>The answer; <c>Id()</c> is the task's.</returns>
    public static async Task<ApiResponse> CreateAsync(this Api api, string path, string json, params (string Name, string Value)[] headers)
    {
        var response = await api.SendAsync(HttpMethod.Post, path, json, headers);
        Assert.True(response.Status == HttpStatusCode.Accepted, response.ToString());
        return response;
    }

    /// <summary>Creates a task of one operation.</summary>
    /// <param name="api">The app.</param>
    /// <param name="operation">The operation.</param>
    /// <param name="input">Its input, in JSON.</param>
    /// <param name="more">More properties of the request, as <c>"ttlSeconds":1</c>.</param>
    /// <returns>The id.</returns>
    public static async Task<string> CreateIdAsync(this Api api, string operation, string input, string more = "") =>
        (await api.CreateAsync("tasks/" + operation, $$"""{"input":{{input}}{{(more.Length == 0 ? "" : "," + more)}}}""")).Id();

    public static Task<ApiResponse> TaskAsync(this Api api, string id) => api.GetAsync("tasks/" + id);

    /// <summary>Reads a task when it has ended.</summary>
    public static Task<ApiResponse> EndAsync(this Api api, string id, TimeSpan? limit = null) => Eventually.SeeAsync(
        () => api.GetAsync($"tasks/{id}?waitSeconds=60"), static response => response.HasEnded(), $"Task {id} to end", limit);

    /// <summary>Waits until a task is in a state.</summary>
    public static Task<ApiResponse> StateAsync(this Api api, string id, string status) =>
        Eventually.SeeAsync(() => api.TaskAsync(id), response => response.State() == status, $"Task {id} to be {status}");

    public static Task<ApiResponse> CancelAsync(this Api api, string id) => api.SendAsync(HttpMethod.Delete, "tasks/" + id, json: null);

    public static Task<ApiResponse> DeliveriesAsync(this Api api, string id) => api.GetAsync($"tasks/{id}/deliveries");

    /// <summary>Waits until a task's webhook has arrived, or never will.</summary>
    public static Task<ApiResponse> DeliveredAsync(this Api api, string id, TimeSpan? limit = null) => Eventually.SeeAsync(
        () => api.DeliveriesAsync(id),
        static response => response.Body.TryGetProperty("state", out var state) && state.GetString() != "pending",
        $"The webhook of task {id} to be delivered",
        limit);

    /// <summary>Every task that the list has, page by page.</summary>
    /// <param name="api">The app.</param>
    /// <param name="query">Which, as <c>operation=echo&amp;</c>.</param>
    /// <param name="limit">How many a page has.</param>
    public static async IAsyncEnumerable<JsonElement> ListAsync(this Api api, string query = "", int limit = 1_000)
    {
        for (var cursor = ""; ;)
        {
            var page = await api.GetAsync(FormattableString.Invariant($"tasks?{query}limit={limit}{cursor}"));
            Assert.Equal(HttpStatusCode.OK, page.Status);
            foreach (var task in page["items"].EnumerateArray())
            {
                yield return task;
            }

            if (!page.Body.TryGetProperty("nextCursor", out var next))
            {
                yield break;
            }

            cursor = "&cursor=" + next.GetString();
        }
    }

    public static string Id(this ApiResponse response) => response["id"].GetString()!;

    public static string State(this ApiResponse response) => response["status"].GetString()!;

    public static bool HasEnded(this ApiResponse response) => Ends.Contains(response.State());

    public static DateTimeOffset Time(this ApiResponse response, string property) => response[property].GetDateTimeOffset();
}
