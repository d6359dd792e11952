using System.Diagnostics;
using System.Net;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Tasks;

/// <summary><c>create_task</c>, <c>await task</c>, <c>task.cancel()</c>.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class TaskTests(FunctionsAppFixture app)
{
    [Fact]
    public async Task A_task_keeps_its_result_and_has_the_shape_of_the_contract()
    {
        // Kept for a day unless it says otherwise, or the app is configured otherwise: so it says so.
        var created = await app.Api.CreateAsync("tasks/echo", """{"input":{"value":"kept"},"ttlSeconds":60}""");
        var ended = await app.Api.EndAsync(created.Id());

        var self = "/api/tasks/" + created.Id();
        Assert.Equal(self, created.Headers.Location!.ToString());
        Assert.False(created.Headers.Contains("Preference-Applied"));
        Assert.Matches("^[0-9a-f]{32}$", created.Id());
        Assert.Contains(created.State(), new[] { "queued", "running", "succeeded" });
        Assert.Equal(
            ["attempts", "createdAt", "expiresAt", "finishedAt", "id", "links", "operation", "result", "startedAt", "status"], Properties(ended.Body));
        Assert.Equal(
            ("succeeded", "kept", "echo", 1), (ended.State(), ended["result"].GetString(), ended["operation"].GetString(), ended["attempts"].GetInt32()));
        Assert.True(ended.Time("createdAt") <= ended.Time("startedAt") && ended.Time("startedAt") <= ended.Time("finishedAt"));
        Assert.Equal(TimeSpan.FromSeconds(60), ended.Time("expiresAt") - ended.Time("finishedAt"));
        Assert.Equal(
            $$"""{"self":"{{self}}","events":"{{self}}/events","deliveries":"{{self}}/deliveries"}""", ended["links"].GetRawText());
    }

    [Theory]
    [InlineData("""{"pattern":"sequence","request":{"steps":[{"operation":"echo","input":{"value":3}},{"operation":"math.square","input":{"x":{"$ref":"#/results/0"}}}]}}""", "sequence", null, "[3,9]", 2)]
    [InlineData("""{"pattern":"gather","request":{"calls":[{"operation":"echo","input":{"value":1}}]}}""", "gather", null, null, 1)]
    [InlineData("""{"pattern":"map","operation":"math.square","request":{"items":[1,2,3]}}""", "map", "math.square", "[1,4,9]", 3)]
    [InlineData("""{"pattern":"map","request":{"operation":"math.square","items":[1,2,3]}}""", "map", "math.square", "[1,4,9]", 3)]
    [InlineData("""{"pattern":"map","operation":"math.square","request":{"operation":"math.square","items":[2]}}""", "map", "math.square", "[4]", 1)]
    public async Task A_task_runs_a_pattern(string body, string pattern, string? operation, string? results, int total)
    {
        var ended = await app.Api.EndAsync((await app.Api.CreateAsync("tasks", body)).Id());

        Assert.Equal(("succeeded", pattern), (ended.State(), ended["pattern"].GetString()));
        Assert.Equal(operation, ended.Body.TryGetProperty("operation", out var named) ? named.GetString() : null);
        Assert.Equal(FormattableString.Invariant($$"""{"completed":{{total}},"total":{{total}}}"""), ended["progress"].GetRawText());
        if (results is not null)
        {
            Assert.Equal(results, ended["result"].GetProperty("results").GetRawText());
        }
    }

    [Fact]
    public async Task A_task_of_a_pattern_has_the_result_of_the_pattern()
    {
        const string Request = """{"calls":[{"id":"a","operation":"echo","input":{"value":1}}]}""";
        var response = await app.Api.PostAsync("gather", Request);
        var ended = await app.Api.EndAsync((await app.Api.CreateAsync("tasks", $$"""{"pattern":"gather","request":{{Request}}}""")).Id());

        Assert.Equal(Properties(response.Body), Properties(ended["result"]));
        Assert.Equal(Properties(response["results"][0]), Properties(ended["result"].GetProperty("results")[0]));
    }

    [Fact]
    public async Task An_error_ends_a_task_and_is_kept()
    {
        var ended = await app.Api.EndAsync(await app.Api.CreateIdAsync("fail", """{"message":"It broke."}"""));

        Assert.Equal(("failed", 1), (ended.State(), ended["attempts"].GetInt32()));
        Assert.Equal(("/problems/operation-failed", "It broke."), (ended["error"].GetProperty("type").GetString(), ended["error"].GetProperty("detail").GetString()));
        Assert.False(ended.Body.TryGetProperty("result", out _));
    }

    [Fact]
    public async Task A_wait_for_a_task_ends_with_the_task()
    {
        // Within one process nothing is looked for, which would take longer.
        var max = Hosts.AreDurable ? 1_500 : 250;
        await Eventually.SeeAsync(MedianAsync, median => median < max, FormattableString.Invariant($"A median of less than {max} ms"), TimeSpan.FromMinutes(1));

        async Task<double> MedianAsync()
        {
            var times = new List<double>();
            for (var i = 0; i < 5; i++)
            {
                var id = await app.Api.CreateIdAsync("delay", TaskRequests.Endless);
                var waiting = app.Api.GetAsync($"tasks/{id}?waitSeconds=60");
                await app.Api.StateAsync(id, "running");
                Assert.False(waiting.IsCompleted);

                Assert.Equal(HttpStatusCode.Accepted, (await app.Api.CancelAsync(id)).Status);
                var watch = Stopwatch.StartNew();
                Assert.Equal("cancelled", (await waiting).State());
                times.Add(watch.Elapsed.TotalMilliseconds);
            }

            return times.Order().ElementAt(2);
        }
    }

    [Fact]
    public async Task A_wait_that_times_out_returns_the_current_task()
    {
        var id = await app.Api.CreateIdAsync("delay", TaskRequests.Endless);
        await app.Api.StateAsync(id, "running");
        var watch = Stopwatch.StartNew();
        var response = await app.Api.GetAsync($"tasks/{id}?waitSeconds=0.3");

        Assert.Equal((HttpStatusCode.OK, "running"), (response.Status, response.State()));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.29, 60);
        await app.Api.CancelAsync(id);
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("DELETE", "")]
    [InlineData("GET", "/events")]
    [InlineData("GET", "/deliveries")]
    [InlineData("POST", "/deliveries")]
    public async Task A_task_that_never_existed_is_unknown(string method, string path)
    {
        foreach (var id in new[] { new string('0', 32), "nothing" })
        {
            var response = await app.Api.SendAsync(HttpMethod.Parse(method), $"tasks/{id}{path}", json: null);

            Assert.Equal((HttpStatusCode.NotFound, "unknown-task"), (response.Status, response.Problem));
        }
    }

    [Fact]
    public async Task A_task_expires_after_its_time_to_live()
    {
        var watch = Stopwatch.StartNew();
        var id = await app.Api.CreateIdAsync("echo", """{"value":1}""", "\"ttlSeconds\":2");
        var gone = await Eventually.SeeAsync(() => app.Api.TaskAsync(id), static response => response.Status != HttpStatusCode.OK, "The task to expire");

        Assert.Equal((HttpStatusCode.NotFound, "unknown-task"), (gone.Status, gone.Problem));
        Assert.InRange(watch.Elapsed.TotalSeconds, 1.9, 60); // Clocks may differ a little.
    }

    [Fact]
    public async Task A_task_that_runs_longer_than_its_time_to_live_is_kept_until_its_end()
    {
        var watch = Stopwatch.StartNew();
        var id = await app.Api.CreateIdAsync("delay", TaskRequests.Endless, "\"ttlSeconds\":1");
        await Eventually.SeeAsync(() => Task.FromResult(watch.Elapsed), static elapsed => elapsed > TimeSpan.FromSeconds(1.5), "Its time to live to pass");

        Assert.Equal("running", (await app.Api.TaskAsync(id)).State());
        Assert.Equal(HttpStatusCode.Accepted, (await app.Api.CancelAsync(id)).Status);
    }

    [Theory]
    [InlineData("delay", TaskRequests.Endless)]
    [InlineData("primes.count", """{"from":0,"to":1000000000000}""")]
    public async Task Running_work_is_stopped_by_cancelling(string operation, string input)
    {
        var id = await app.Api.CreateIdAsync(operation, input);
        await app.Api.StateAsync(id, "running");
        var cancelled = await app.Api.CancelAsync(id);
        var ended = await app.Api.EndAsync(id);

        Assert.Equal((HttpStatusCode.Accepted, "cancelling", id), (cancelled.Status, cancelled.State(), cancelled.Id()));
        Assert.Equal(("cancelled", 1), (ended.State(), ended["attempts"].GetInt32()));
        Assert.False(ended.Body.TryGetProperty("result", out _) || ended.Body.TryGetProperty("error", out _));
        Assert.Equal("already-finished", (await app.Api.CancelAsync(id)).Problem);
    }

    [Theory]
    [InlineData("echo", """{"value":1}""")]
    [InlineData("fail", """{"message":"It broke."}""")]
    public async Task An_ended_task_cannot_be_cancelled(string operation, string input)
    {
        var id = await app.Api.CreateIdAsync(operation, input);
        var ended = await app.Api.EndAsync(id);
        var response = await app.Api.CancelAsync(id);

        Assert.Equal((HttpStatusCode.Conflict, "already-finished"), (response.Status, response.Problem));
        Assert.Equal(ended.Body.GetRawText(), (await app.Api.TaskAsync(id)).Body.GetRawText());
    }

    [Fact]
    public async Task A_failed_task_is_retried_after_growing_pauses()
    {
        var id = await app.Api.CreateIdAsync(
            "fail", """{"message":"It broke."}""", "\"retry\":{\"maxAttempts\":3,\"initialDelaySeconds\":1,\"backoff\":100}");
        var waiting = await Eventually.SeeAsync(
            () => app.Api.TaskAsync(id),
            static task => task["attempts"].GetInt32() == 2 && task.Body.TryGetProperty("nextAttemptAt", out _), "The pause before the third attempt");
        await app.Api.CancelAsync(id);

        // The pauses are 1 s and 100 s. The first has passed, or the second would end earlier.
        Assert.Equal("queued", waiting.State());
        Assert.InRange((waiting.Time("nextAttemptAt") - waiting.Time("startedAt")).TotalSeconds, 101, 200);
    }

    [Theory]
    [InlineData("sequence", """{"steps":[{"operation":"echo","input":{"value":1}},{"operation":"echo","input":{"value":{"$ref":"#/results/0/nothing"}}}]}""")]
    [InlineData("map", """{"operation":"math.square","items":[1,"two"]}""")]
    public async Task A_late_error_of_an_invalid_request_is_not_retried(string pattern, string request)
    {
        var created = await app.Api.CreateAsync(
            "tasks", $$"""{"pattern":"{{pattern}}","retry":{"maxAttempts":5,"initialDelaySeconds":3600},"request":{{request}}}""");
        var ended = await app.Api.EndAsync(created.Id());

        Assert.Equal(("failed", 1), (ended.State(), ended["attempts"].GetInt32()));
        Assert.Equal("/problems/invalid-request", ended["error"].GetProperty("type").GetString());
    }

    [Fact]
    public async Task A_timeout_applies_to_each_attempt()
    {
        var id = await app.Api.CreateIdAsync("delay", TaskRequests.Endless, "\"timeoutSeconds\":0.3,\"retry\":{\"maxAttempts\":2,\"initialDelaySeconds\":0}");
        var ended = await app.Api.EndAsync(id);

        Assert.Equal(("failed", 2, "/problems/timeout"), (ended.State(), ended["attempts"].GetInt32(), ended["error"].GetProperty("type").GetString()));
        Assert.Contains("0.3 s", ended["error"].GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.InRange((ended.Time("finishedAt") - ended.Time("startedAt")).TotalSeconds, 0.55, 60); // Timers may ring early.
    }

    [Fact]
    public async Task The_same_request_with_the_same_key_is_the_same_task_also_concurrently()
    {
        var key = Guid.NewGuid().ToString();
        var atOnce = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => app.Api.CreateAsync("tasks/echo", """{"input":{"value":1}}""", ("Idempotency-Key", key))));
        var first = atOnce[0];
        Assert.All(atOnce, response => Assert.Equal(first.Id(), response.Id()));
        await app.Api.EndAsync(first.Id());
        var again = await app.Api.CreateAsync("tasks/echo", """{"input":{"value":1}}""", ("Idempotency-Key", key));
        var other = await app.Api.CreateAsync("tasks/echo", """{"input":{"value":1}}""", ("Idempotency-Key", key + "2"));

        Assert.Equal((first.Id(), "succeeded"), (again.Id(), again.State()));
        Assert.Equal(first.Headers.Location, again.Headers.Location);
        Assert.NotEqual(first.Id(), other.Id());
    }

    [Theory]
    [InlineData("tasks/echo", """{"input":{"value":2}}""")]
    [InlineData("tasks/echo", """{"input":{"value":1},"ttlSeconds":60}""")]
    [InlineData("tasks/delay", """{"input":{"seconds":1}}""")]
    [InlineData("tasks", """{"pattern":"gather","request":{"calls":[]}}""")]
    public async Task Another_request_with_the_same_key_is_refused(string path, string body)
    {
        var key = Guid.NewGuid().ToString();
        await app.Api.CreateAsync("tasks/echo", """{"input":{"value":1}}""", ("Idempotency-Key", key));
        var response = await app.Api.SendAsync(HttpMethod.Post, path, body, ("Idempotency-Key", key));

        Assert.Equal((HttpStatusCode.UnprocessableEntity, "idempotency-key-reused"), (response.Status, response.Problem));
    }

    [Fact]
    public async Task A_key_out_of_range_is_an_invalid_request()
    {
        foreach (var key in new[] { "", new string('x', 256) })
        {
            var response = await app.Api.SendAsync(HttpMethod.Post, "tasks/echo", """{"input":{"value":1}}""", ("Idempotency-Key", key));

            Assert.Equal((HttpStatusCode.UnprocessableEntity, "invalid-request"), (response.Status, response.Problem));
            Assert.Equal(["/Idempotency-Key"], response.ValidationErrors);
        }
    }

    [EmbeddedFact("A hub lists its tasks in no order of time.", IsOfSharedApp = true)]
    public async Task The_list_has_the_newest_first_page_by_page()
    {
        List<string> ids = [];
        for (var i = 0; i < 7; i++)
        {
            ids.Add(await app.Api.CreateIdAsync("text.format", """{"template":"","values":{}}"""));
        }

        // Who tests an app that others use finds theirs in between.
        var listed = new List<string>();
        await foreach (var task in app.Api.ListAsync("operation=text.format&", limit: 3))
        {
            Assert.Equal("text.format", task.GetProperty("operation").GetString());
            Assert.False(task.TryGetProperty("result", out _));
            listed.Add(task.GetProperty("id").GetString()!);
            if (listed.Contains(ids[0]))
            {
                break;
            }
        }

        Assert.Equal(Enumerable.Reverse(ids), listed.Where(ids.Contains));
        Assert.Equal(listed.Distinct(), listed);
    }

    [EmbeddedFact("Looks for the newest in the first page, while a hub lists its tasks in no order of time.", IsOfSharedApp = true)]
    public async Task The_list_can_be_filtered_by_status()
    {
        var failed = await app.Api.CreateIdAsync("fail", """{"message":"It broke."}""");
        var succeeded = await app.Api.CreateIdAsync("echo", """{"value":1}""");
        var running = await app.Api.CreateIdAsync("delay", TaskRequests.Endless);
        await app.Api.EndAsync(failed);
        await app.Api.EndAsync(succeeded);
        await app.Api.StateAsync(running, "running");

        foreach (var (status, id) in new[] { ("failed", failed), ("succeeded", succeeded), ("running", running) })
        {
            var page = await app.Api.GetAsync($"tasks?status={status}&limit=5");

            Assert.Equal(id, page["items"][0].GetProperty("id").GetString());
            Assert.All(page["items"].EnumerateArray(), task => Assert.Equal(status, task.GetProperty("status").GetString()));
        }

        await app.Api.CancelAsync(running);
    }

    [Theory]
    [InlineData("?limit=0", "/limit")]
    [InlineData("?limit=1001", "/limit")]
    [InlineData("?limit=many", "/limit")]
    [InlineData("?cursor=nonsense", "/cursor")]
    [InlineData("?status=done", "/status")]
    [InlineData("?state=failed&limit=0", "/state", "/limit")]
    [InlineData("/0?waitSeconds=-1", "/waitSeconds")]
    [InlineData("/0?waitSeconds=200.1", "/waitSeconds")]
    [InlineData("/0?waitSeconds=NaN", "/waitSeconds")]
    [InlineData("/0?waitSeconds=soon", "/waitSeconds")]
    public async Task A_query_out_of_range_is_an_invalid_request(string query, params string[] pointers)
    {
        var response = await app.Api.GetAsync("tasks" + query);

        Assert.Equal((HttpStatusCode.UnprocessableEntity, "invalid-request"), (response.Status, response.Problem));
        Assert.Equal(pointers.Order(StringComparer.Ordinal), response.ValidationErrors.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("tasks/echo", """{"inptu":{"value":1}}""", "/inptu")]
    [InlineData("tasks/echo", """{"input":{"valeu":1}}""", "/input/valeu", "/input/value")]
    [InlineData("tasks/echo", """{}""", "/input/value")]
    [InlineData("tasks/delay", """{"input":{"seconds":"x"}}""", "/input/seconds")]
    [InlineData("tasks/echo", """{"input":{"value":1},"ttlSeconds":0}""", "/ttlSeconds")]
    [InlineData("tasks/echo", """{"input":{"value":1},"ttlSeconds":2592001}""", "/ttlSeconds")]
    [InlineData("tasks/echo", """{"input":{"value":1},"timeoutSeconds":0}""", "/timeoutSeconds")]
    [InlineData("tasks/echo", """{"input":{"value":1},"timeoutSeconds":"1"}""", "/timeoutSeconds")]
    [InlineData("tasks/echo", """{"input":{"value":1},"retry":{}}""", "/retry/maxAttempts")]
    [InlineData("tasks/echo", """{"input":{"value":1},"retry":{"maxAttempts":0,"initialDelaySeconds":-1,"backoff":0.5,"maxDelaySeconds":86401,"tries":1}}""", "/retry/maxAttempts", "/retry/initialDelaySeconds", "/retry/backoff", "/retry/maxDelaySeconds", "/retry/tries")]
    [InlineData("tasks/echo", """{"input":{"value":1},"retry":{"maxAttempts":101}}""", "/retry/maxAttempts")]
    [InlineData("tasks/echo", """{"input":{"value":1},"onSuccess":{"url":"ftp://example.com/"}}""", "/onSuccess/url")]
    [InlineData("tasks/echo", """{"input":{"value":1},"onError":{"operation":"echo"}}""", "/onError/operation", "/onError/url")]
    [InlineData("tasks", """{}""", "/pattern", "/request")]
    [InlineData("tasks", """{"pattern":"stream","request":{}}""", "/pattern")]
    [InlineData("tasks", """{"pattern":"gather","operation":"echo","request":{"calls":[]}}""", "/operation")]
    [InlineData("tasks", """{"pattern":"gather","request":{"calls":[{"operation":"delay","input":{"seconds":-1}}],"calls2":1}}""", "/request/calls2")]
    [InlineData("tasks", """{"pattern":"gather","request":{"calls":[{"operation":"delay","input":{"seconds":-1}}]}}""", "/request/calls/0/input/seconds")]
    [InlineData("tasks", """{"pattern":"sequence","request":{"steps":[{"operation":"echo"}]}}""", "/request/steps/0/input/value")]
    [InlineData("tasks", """{"pattern":"map","operation":"math.square","request":{"items":["two"],"chunkSize":0}}""", "/request/chunkSize")]
    [InlineData("tasks", """{"pattern":"map","operation":"hash","request":{"items":["a"],"reduce":"sum"}}""", "/request/reduce")]
    [InlineData("tasks", """{"pattern":"map","request":{"items":[1]}}""", "/request/operation")]
    [InlineData("tasks", """{"pattern":"map","operation":"hash","request":{"operation":"math.square","items":[1]}}""", "/request/operation")]
    public async Task An_invalid_request_lists_every_error_by_its_pointer(string path, string body, params string[] pointers)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.Equal((HttpStatusCode.UnprocessableEntity, "invalid-request"), (response.Status, response.Problem));
        Assert.Equal(pointers.Order(StringComparer.Ordinal), response.ValidationErrors.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("tasks/dleay", """{"input":{"seconds":1}}""", "delay")]
    [InlineData("tasks", """{"pattern":"gather","request":{"calls":[{"operation":"ehco"}]}}""", "echo")]
    [InlineData("tasks", """{"pattern":"map","operation":"math.sqare","request":{"items":[1]}}""", "math.square")]
    public async Task An_unknown_operation_comes_with_suggestions(string path, string body, string suggestion)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.Equal((HttpStatusCode.NotFound, "unknown-operation"), (response.Status, response.Problem));
        Assert.Equal(suggestion, response["suggestions"][0].GetString());
    }

    [Theory]
    [InlineData("wrong-kind", "tasks/greet", """{"input":{}}""")]
    [InlineData("wrong-kind", "tasks", """{"pattern":"map","operation":"greet","request":{"items":[1]}}""")]
    [InlineData("wrong-kind", "tasks", """{"pattern":"sequence","request":{"steps":[{"operation":"count","input":{"count":1}}]}}""")]
    [InlineData("destination-not-allowed", "tasks/echo", """{"input":{"value":1},"onSuccess":{"url":"http://127.0.0.1:1/"}}""")]
    [InlineData("destination-not-allowed", "tasks/echo", """{"input":{"value":1},"onError":{"url":"http://169.254.169.254/latest"}}""")]
    [InlineData("destination-not-allowed", "tasks", """{"pattern":"gather","request":{"calls":[]},"onSuccess":{"url":"http://10.0.0.1/"}}""")]
    [InlineData("destination-not-allowed", "callback/echo", """{"input":{"value":1},"onSuccess":{"url":"http://localhost:1/"}}""")]
    [InlineData("destination-not-allowed", "callback/echo", """{"input":{"value":1},"onSuccess":{"operation":"echo"},"onError":{"url":"http://db.internal/"}}""")]
    public async Task An_invalid_operation_or_URL_is_refused_before_the_task_is_accepted(string problem, string path, string body)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.Equal(
            (problem == "wrong-kind" ? HttpStatusCode.UnprocessableEntity : HttpStatusCode.Forbidden, problem), (response.Status, response.Problem));
    }

    [Fact]
    public async Task A_task_without_a_webhook_has_nothing_to_deliver()
    {
        var id = await app.Api.CreateIdAsync("echo", """{"value":1}""");
        await app.Api.EndAsync(id);

        Assert.Equal("""{"items":[]}""", (await app.Api.DeliveriesAsync(id)).Body.GetRawText());
        var response = await app.Api.PostAsync($"tasks/{id}/deliveries", "");
        Assert.Equal((HttpStatusCode.Conflict, "nothing-to-deliver"), (response.Status, response.Problem));
    }

    private static IEnumerable<string> Properties(JsonElement element) =>
        element.EnumerateObject().Select(static property => property.Name).Order(StringComparer.Ordinal);
}
