using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Webhooks;

namespace FunctionsApp.IntegrationTests.Tasks;

/// <summary>A request for a task, and what is to come of it.</summary>
/// <param name="Key">Its idempotency key, by which the receiver knows its webhooks as well.</param>
/// <param name="Path">Where it goes.</param>
/// <param name="Body">Its body, in JSON.</param>
/// <param name="Outcome">Its result, or the message of its error.</param>
/// <param name="MaxAttempts">How often it may run.</param>
internal sealed record Work(string Key, string Path, string Body, string Outcome, int MaxAttempts = 10)
{
    public bool Fails { get; init; }

    public bool HasWebhook { get; init; }

    public bool IsToBeCancelled { get; init; }
}

/// <summary>
/// Knows what a host has said of tasks: which it has accepted, which have ended and how. What it has said once it may never
/// take back.
/// </summary>
internal sealed class TaskLedger(WebhookReceiver receiver)
{
    private static readonly string[] Ends = ["succeeded", "failed", "cancelled"];

    private readonly ConcurrentDictionary<string, Work> _accepted = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<Work> _unanswered = new();
    private readonly ConcurrentDictionary<string, string> _ended = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _delivered = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _cancelled = new(StringComparer.Ordinal);
    private int _works;
    private int _repeated;
    private int _interrupted;
    private int _attempts;

    /// <summary>A request of a random kind.</summary>
    public Work NewWork(Random random)
    {
        var number = ++_works;
        var key = string.Create(CultureInfo.InvariantCulture, $"work-{number}");
        var seconds = (random.Next(20) / 100.0).ToString(CultureInfo.InvariantCulture);
        var url = JsonSerializer.Serialize(receiver.Url(key, FormattableString.Invariant($"/fail?times={random.Next(3)}")));
        var urls = $$""" "onSuccess":{"url":{{url}} },"onError":{"url":{{url}} } """;
        var echo = $$"""{"value":"{{key}}"}""";
        var squares = FormattableString.Invariant($"[{number},{number + 1}]");
        var squared = FormattableString.Invariant($"[{(long)number * number},{(number + 1L) * (number + 1L)}]");
        return random.Next(11) switch
        {
            0 => new Work(key, "tasks/echo", $$"""{"input":{{echo}}}""", Quote(key)),
            1 => new Work(key, "tasks/delay", $$"""{"input":{"seconds":{{seconds}},"result":{{number}} } }""", Text(number)),
            2 => new Work(key, "tasks/pbkdf2", $$"""{"input":{"password":"password","salt":"salt","iterations":4096} }""",
                Quote("c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a")),
            3 => new Work(key, "tasks/fail", $$"""
                {"input":{"message":"{{key}}"},"retry":{"maxAttempts":3,"initialDelaySeconds":0.1,"backoff":1},{{urls}} }
                """, key, MaxAttempts: 3) { Fails = true, HasWebhook = true },
            4 => new Work(key, "tasks", $$"""
                {"pattern":"sequence","request":{"steps":[{"operation":"delay","input":{"seconds":{{seconds}} } },{"operation":"echo","input":{{echo}} }]} }
                """, $"[null,{Quote(key)}]"),
            5 => new Work(key, "tasks", $$"""
                {"pattern":"map","operation":"math.square","request":{"items":{{squares}} },{{urls}} }
                """, squared) { HasWebhook = true },
            6 => new Work(key, "gather", $$"""{"calls":[{"operation":"echo","input":{{echo}} },{"operation":"delay","input":{"seconds":{{seconds}} } }]}""",
                $"[{Quote(key)},null]"),
            7 => new Work(key, "await/echo", echo, Quote(key)),
            8 => new Work(key, "callback/delay", $$"""{"input":{"seconds":{{seconds}},"result":"{{key}}"},{{urls}} }""", Quote(key)) { HasWebhook = true },
            9 => new Work(key, "tasks/delay", $$"""{"input":{"seconds":3600},{{urls}} }""", "", MaxAttempts: 10) { HasWebhook = true, IsToBeCancelled = true },
            _ => new Work(key, "tasks/echo", $$"""{"input":{{echo}},{{urls}} }""", Quote(key)) { HasWebhook = true },
        };
    }

    /// <summary>Sends a request; one that got no answer is noted, to be sent again.</summary>
    public async Task SendAsync(Api api, Work work)
    {
        try
        {
            // Everything else is refused by nobody, so an answer is 202. The emulated storage may be too slow for that.
            var response = await api.SendAsync(HttpMethod.Post, work.Path, work.Body, ("Idempotency-Key", work.Key), ("Prefer", "respond-async"));
            if (Hosts.AreDurable && response.Status == HttpStatusCode.InsufficientStorage)
            {
                _unanswered.Enqueue(work);
                return;
            }

            Assert.True(response.Status == HttpStatusCode.Accepted, response.ToString());
            Accept(response.Id(), work);
            if (work.IsToBeCancelled)
            {
                await CancelAsync(api, response.Id());
            }
        }
        catch (Exception exception) when (IsLost(exception))
        {
            _unanswered.Enqueue(work);
            Interlocked.Increment(ref _repeated);
        }
    }

    /// <summary>Whether the host was killed. A connection that is reset as soon as it stands is a bare exception of the socket.</summary>
    private static bool IsLost(Exception exception) => exception is HttpRequestException or SocketException;

    /// <summary>Sends again what got no answer: under the same key it is the same task.</summary>
    public async Task RepeatAsync(Api api)
    {
        for (var left = _unanswered.Count; left > 0 && _unanswered.TryDequeue(out var work); left--)
        {
            await SendAsync(api, work);
        }
    }

    /// <summary>Looks at the newest tasks again and again, until the host is killed.</summary>
    public async Task WatchAsync(Api api)
    {
        try
        {
            while (true)
            {
                foreach (var task in (await api.GetAsync("tasks?limit=20"))["items"].EnumerateArray())
                {
                    await SeeAsync(api, task);
                }
            }
        }
        catch (Exception exception) when (IsLost(exception))
        {
            // Killed.
        }
    }

    /// <summary>Looks at every task: all that were accepted are there, and none that has ended is other than it was.</summary>
    public async Task ObserveAsync(Api api)
    {
        var listed = await api.ListAsync().ToListAsync();
        var ids = listed.Select(static task => task.GetProperty("id").GetString()!).ToList();
        Assert.Equal(ids.Distinct(), ids);
        Assert.Empty(_accepted.Keys.Except(ids));
        foreach (var task in listed)
        {
            await SeeAsync(api, task, readsDeliveries: false);
        }
    }

    /// <summary>Waits until every task has ended, and every webhook has arrived.</summary>
    /// <param name="api">The app.</param>
    /// <param name="limit">How long a task may take, and after its end its webhook; null for as long as anything else.</param>
    public async Task EndAsync(Api api, TimeSpan? limit = null)
    {
        Assert.Empty(_unanswered);
        foreach (var (id, work) in _accepted.OrderBy(static pair => pair.Value.Key))
        {
            if (work.IsToBeCancelled)
            {
                // When the request had no answer, nobody has asked for that yet.
                await CancelAsync(api, id);
            }

            await api.EndAsync(id, limit);
            if (work.HasWebhook)
            {
                await api.DeliveredAsync(id, limit);
            }
        }

        await AccountAsync(api);
    }

    /// <summary>Accounts for every task and every webhook.</summary>
    public async Task AccountAsync(Api api)
    {
        await ObserveAsync(api);
        Assert.InRange(_accepted.Count, 1, int.MaxValue);
        Assert.Equal(_accepted.Count, _ended.Count);

        // One task a key: a request that was sent twice has made one.
        Assert.Equal(_accepted.Count, await api.ListAsync().CountAsync());
        Assert.Equal(_accepted.Count, _accepted.Values.Select(static work => work.Key).Distinct().Count());
        (_interrupted, _attempts) = (0, 0);
        foreach (var (id, work) in _accepted)
        {
            var task = await api.TaskAsync(id);
            var attempts = task["attempts"].GetInt32();
            Assert.True(attempts >= (work.IsToBeCancelled ? 0 : 1) && attempts <= work.MaxAttempts, $"{task}");
            _attempts += attempts;
            _interrupted += Check(task, work) ? 0 : 1;
            await CheckWebhooksAsync(api, id, work, task);
        }

        // Some may have run for the last time when a host was killed; most had better luck.
        Assert.InRange(_interrupted, 0, _accepted.Count / 5);
        Assert.Empty(receiver.ValidationErrors);
    }

    /// <summary>What there was in all.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{_accepted.Count} tasks in {_attempts} attempts, {_repeated} requests repeated, {_interrupted} tasks interrupted for the last time, {_delivered.Count} webhooks in {_accepted.Values.Sum(work => receiver.Received(work.Key).Count)} attempts");

    private void Accept(string id, Work work) => Assert.Same(work, _accepted.GetOrAdd(id, work));

    private async Task CancelAsync(Api api, string id)
    {
        var response = await api.CancelAsync(id);
        if (response.Status == HttpStatusCode.Accepted)
        {
            _cancelled[id] = true;
        }
        else
        {
            Assert.Equal("already-finished", response.Problem);
        }
    }

    /// <summary>Takes note of a task. Once it has ended it is what it is.</summary>
    private async Task SeeAsync(Api api, JsonElement task, bool readsDeliveries = true)
    {
        var id = task.GetProperty("id").GetString()!;
        if (!Ends.Contains(task.GetProperty("status").GetString()))
        {
            Assert.False(_ended.TryGetValue(id, out var ended), $"{task} was {ended}");
            return;
        }

        Assert.Equal(_ended.GetOrAdd(id, task.GetRawText()), task.GetRawText());
        if (readsDeliveries && !_delivered.ContainsKey(id)
            && _accepted.TryGetValue(id, out var work) && work.HasWebhook
            && (await api.DeliveriesAsync(id)).Body.TryGetProperty("state", out var state) && state.GetString() == "delivered")
        {
            // No more of them after this.
            _delivered[id] = receiver.Received(work.Key).Count;
        }
    }

    /// <returns>Whether it came to what it should; else it was interrupted once too often.</returns>
    private bool Check(ApiResponse task, Work work)
    {
        var status = task.State();
        if (status == "failed" && task["error"].GetProperty("type").GetString() == "/problems/interrupted")
        {
            Assert.Equal((work.MaxAttempts, false), (task["attempts"].GetInt32(), _cancelled.ContainsKey(task.Id())));
            return false;
        }

        if (work.IsToBeCancelled)
        {
            Assert.Equal("cancelled", status);
            return true;
        }

        if (work.Fails)
        {
            Assert.Equal(("failed", work.MaxAttempts, work.Outcome), (status, task["attempts"].GetInt32(), task["error"].GetProperty("detail").GetString()));
            return true;
        }

        Assert.Equal("succeeded", status);
        Assert.Equal(work.Outcome, ResultOf(task["result"]));
        return true;
    }

    /// <summary>The result of an operation, or the results alone of a pattern.</summary>
    private static string ResultOf(JsonElement result) => result.ValueKind switch
    {
        JsonValueKind.Object when result.TryGetProperty("results", out var results) => $"[{string.Join(',', results.EnumerateArray().Select(ResultOf))}]",
        JsonValueKind.Object => result.GetProperty("result").GetRawText(),
        _ => result.GetRawText(),
    };

    /// <summary>A webhook arrives at least once, always under one id and with one body, and never again once that is noted.</summary>
    private async Task CheckWebhooksAsync(Api api, string id, Work work, ApiResponse task)
    {
        var webhooks = receiver.Received(work.Key);
        if (!work.HasWebhook)
        {
            Assert.Empty(webhooks);
            return;
        }

        var deliveries = await api.DeliveriesAsync(id);
        Assert.Equal("delivered", deliveries["state"].GetString());
        Assert.NotEmpty(webhooks);
        Assert.All(webhooks, webhook => Assert.Equal(
            (deliveries["webhookId"].GetString(), "task." + task.State(), task.Body.GetRawText()), (webhook.Id, webhook.Type, webhook.Data.GetRawText())));
        var noted = _delivered.GetOrAdd(id, webhooks.Count);
        Assert.True(noted == webhooks.Count, $"{work.Key} was delivered after {noted} attempts, but {webhooks.Count} have arrived: {deliveries}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Quote(string text) => $"\"{text}\"";
}
