using System.Net;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Webhooks;

/// <summary>Webhooks over real connections, to receivers that behave well and badly. Every one that arrives is verified.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class WebhookTests(WebhookFixture hooks) : IClassFixture<WebhookFixture>, IAsyncLifetime
{
    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync()
    {
        Assert.Empty(hooks.Receiver?.ValidationErrors ?? []);
        return Task.CompletedTask;
    }

    [OwnHostFact]
    public async Task A_success_is_delivered_with_the_task_as_it_is_read()
    {
        var id = hooks.NewId();
        var task = await hooks.CreateAsync(id);
        var webhook = (await hooks.Receiver.ArrivalAsync(id))[0];
        var ended = await hooks.Api.EndAsync(task);

        Assert.Equal("task.succeeded", webhook.Type);
        Assert.Equal(ended["finishedAt"].GetRawText(), webhook.Json.GetProperty("timestamp").GetRawText());
        Assert.Equal(ended.Body.GetRawText(), webhook.Data.GetRawText());
        Assert.Equal("done", webhook.Data.GetProperty("result").GetString());
    }

    [OwnHostFact]
    public async Task An_error_and_a_cancellation_are_delivered_to_onError()
    {
        var (success, error) = (hooks.NewId(), hooks.NewId());
        var task = await hooks.Api.CreateIdAsync("fail", """{"message":"It broke."}""", $"\"onSuccess\":{hooks.To(success)},\"onError\":{hooks.To(error)}");
        var webhook = (await hooks.Receiver.ArrivalAsync(error))[0];
        await hooks.Api.DeliveredAsync(task);

        Assert.Equal(("task.failed", "It broke."), (webhook.Type, webhook.Data.GetProperty("error").GetProperty("detail").GetString()));
        Assert.Empty(hooks.Receiver.Received(success));

        var cancelled = hooks.NewId();
        await hooks.Api.CancelAsync(await hooks.Api.CreateIdAsync("delay", TaskRequests.Endless, $"\"onError\":{hooks.To(cancelled)}"));
        webhook = (await hooks.Receiver.ArrivalAsync(cancelled))[0];
        Assert.Equal(("task.cancelled", "cancelled"), (webhook.Type, webhook.Data.GetProperty("status").GetString()));
    }

    [OwnHostFact]
    public async Task A_failed_attempt_is_retried_with_the_same_id_and_body()
    {
        var id = hooks.NewId();
        var task = await hooks.CreateAsync(id, "/fail?times=2");
        var deliveries = await hooks.Api.DeliveredAsync(task);
        var webhooks = hooks.Receiver.Received(id);

        Assert.Equal(3, webhooks.Count);
        Assert.All(webhooks, webhook => Assert.Equal(webhooks[0].Id, webhook.Id));
        Assert.All(webhooks, webhook => Assert.Equal(webhooks[0].Body, webhook.Body));

        var items = deliveries["items"].EnumerateArray().ToList();
        Assert.Equal(("delivered", webhooks[0].Id), (deliveries["state"].GetString(), deliveries["webhookId"].GetString()));
        Assert.Equal(hooks.Receiver.Url(id, "/fail?times=2"), deliveries["url"].GetString());
        Assert.False(deliveries.Body.TryGetProperty("nextAttemptAt", out _));
        Assert.Equal([1, 2, 3], items.Select(static item => item.GetProperty("attempt").GetInt32()));
        Assert.Equal([500, 500, 204], items.Select(static item => item.GetProperty("status").GetInt32()));
        Assert.Equal([true, true, false], items.Select(static item => item.TryGetProperty("error", out _)));
        foreach (var (item, next) in items.Zip(items.Skip(1)))
        {
            Assert.True(next.GetProperty("startedAt").GetDateTimeOffset() >= item.GetProperty("nextAttemptAt").GetDateTimeOffset());
            Assert.True(item.GetProperty("nextAttemptAt").GetDateTimeOffset() - item.GetProperty("startedAt").GetDateTimeOffset() >= TimeSpan.FromSeconds(0.2));
        }
    }

    [OwnHostFact]
    public async Task Retry_After_is_respected_and_the_timestamp_is_fresh()
    {
        var id = hooks.NewId();
        var task = await hooks.CreateAsync(id, "/busy?times=1&after=2");
        await hooks.Receiver.ArrivalAsync(id);
        var deliveries = await hooks.Api.DeliveredAsync(task);
        var webhooks = hooks.Receiver.Received(id);

        Assert.Equal([429, 204], deliveries["items"].EnumerateArray().Select(static item => item.GetProperty("status").GetInt32()));
        Assert.InRange((webhooks[1].At - webhooks[0].At).TotalSeconds, 2, 60);
        Assert.InRange(webhooks[1].Seconds - webhooks[0].Seconds, 2, 60);
        Assert.Equal(webhooks[0].Id, webhooks[1].Id);
        Assert.NotEqual(webhooks[0].Signatures, webhooks[1].Signatures);
    }

    [OwnHostFact]
    public async Task A_broken_connection_is_a_failed_attempt()
    {
        var id = hooks.NewId();
        var deliveries = await hooks.Api.DeliveredAsync(await hooks.CreateAsync(id, "/reset?times=1"));

        Assert.Equal("delivered", deliveries["state"].GetString());
        Assert.False(deliveries["items"][0].TryGetProperty("status", out _));
        Assert.NotEmpty(deliveries["items"][0].GetProperty("error").GetString()!);
        Assert.Equal(2, hooks.Receiver.Received(id).Count);
    }

    [OwnHostFact]
    public async Task A_receiver_that_never_accepts_is_given_up_after_the_last_attempt()
    {
        var id = hooks.NewId();
        var deliveries = await hooks.Api.DeliveredAsync(await hooks.CreateAsync(id, "/fail?times=1000"));

        Assert.Equal(("failed", 5), (deliveries["state"].GetString(), deliveries["items"].GetArrayLength()));
        Assert.False(deliveries["items"][4].TryGetProperty("nextAttemptAt", out _));
        Assert.Equal(5, hooks.Receiver.Received(id).Count);
    }

    [OwnHostFact]
    public async Task A_410_and_a_redirect_end_the_delivery_and_the_redirect_is_not_followed()
    {
        foreach (var (path, status) in new[] { ("/gone", 410), ("/redirect", 302) })
        {
            var id = hooks.NewId();
            var deliveries = await hooks.Api.DeliveredAsync(await hooks.CreateAsync(id, path));

            var item = Assert.Single(deliveries["items"].EnumerateArray());
            Assert.Equal(("failed", status), (deliveries["state"].GetString(), item.GetProperty("status").GetInt32()));
            Assert.False(item.TryGetProperty("nextAttemptAt", out _));
            Assert.Single(hooks.Receiver.Received(id));
        }

        Assert.Empty(hooks.Receiver.Received("redirected"));
    }

    [OwnHostFact]
    public async Task A_failed_or_delivered_message_is_sent_again_on_request_with_the_same_id()
    {
        var id = hooks.NewId();
        var task = await hooks.CreateAsync(id, "/fail?times=7");
        Assert.Equal(("failed", 5), await StateAsync());

        // The schedule begins anew: of its attempts two fail. What was delivered is sent once more.
        foreach (var expected in new[] { 8, 9 })
        {
            var again = await hooks.Api.PostAsync($"tasks/{task}/deliveries", "");
            await hooks.Receiver.ArrivalAsync(id, expected);

            Assert.Equal((HttpStatusCode.Accepted, "msg_" + task), (again.Status, again["webhookId"].GetString()));
            Assert.Equal(("delivered", expected), await StateAsync());
        }

        var webhooks = hooks.Receiver.Received(id);
        Assert.Equal(9, webhooks.Count);
        Assert.All(webhooks, webhook => Assert.Equal(("msg_" + task, webhooks[0].Json.GetRawText()), (webhook.Id, webhook.Json.GetRawText())));

        async Task<(string?, int)> StateAsync()
        {
            var deliveries = await hooks.Api.DeliveredAsync(task);
            return (deliveries["state"].GetString(), deliveries["items"].GetArrayLength());
        }
    }

    [OwnHostFact]
    public async Task A_receiver_that_hangs_delays_no_other()
    {
        await using var slow = await WebhookReceiver.StartAsync();
        await using var host = await Hosts.StartAsync([.. WebhookFixture.Settings(0, 0.2), ("Callbacks__TimeoutSeconds", "60")]);
        using var api = host.Connect();

        // More than go to one receiver at once, and before the others.
        var hanging = new List<string>();
        for (var i = 0; i < 12; i++)
        {
            hanging.Add(await api.CreateIdAsync("echo", """{"value":1}""", $$"""
                "onSuccess":{"url":"{{slow.Url("hang", "/hang")}}"}
                """));
        }

        await slow.ArrivalAsync("hang");
        var ids = Enumerable.Range(0, 20).Select(_ => hooks.NewId()).ToList();
        foreach (var id in ids)
        {
            await api.CreateIdAsync("echo", """{"value":1}""", $"\"onSuccess\":{hooks.To(id)}");
        }

        foreach (var id in ids)
        {
            await hooks.Receiver.ArrivalAsync(id);
        }

        // They have all arrived while none of those that hang has been given up.
        Assert.All(await Task.WhenAll(hanging.Select(id => api.DeliveriesAsync(id))), static response => Assert.Empty(response["items"].EnumerateArray()));
        Assert.Empty(slow.ValidationErrors);
    }

    [OwnHostFact]
    public async Task A_receiver_that_hangs_is_given_up_after_the_timeout()
    {
        await using var host = await Hosts.StartAsync([.. WebhookFixture.Settings(0), ("Callbacks__TimeoutSeconds", "1")]);
        using var api = host.Connect();
        var task = await api.CreateIdAsync("echo", """{"value":1}""", $"\"onSuccess\":{hooks.To(hooks.NewId(), "/hang")}");
        var deliveries = await api.DeliveredAsync(task);

        var item = Assert.Single(deliveries["items"].EnumerateArray());
        Assert.Equal("failed", deliveries["state"].GetString());
        Assert.Contains("Callbacks:TimeoutSeconds", item.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.InRange(item.GetProperty("elapsedMs").GetDouble(), 900, 60_000);
    }

    [OwnHostFact]
    public async Task An_outcome_for_an_operation_is_not_delivered()
    {
        foreach (var (path, body, continuation, result) in new[]
        {
            ("callback/echo", """{"input":{"value":4},"onSuccess":{"operation":"math.square","input":{"x":{"$ref":"#/result"}}},"onError":{0}}""", "onSuccess", "16"),
            ("callback/fail", """{"input":{"message":"It broke."},"onSuccess":{0},"onError":{"operation":"echo","input":{"value":{"$ref":"#/error/detail"}}}}""", "onError", "\"It broke.\""),
        })
        {
            var id = hooks.NewId();
            var task = await hooks.Api.CreateAsync(path, body.Replace("{0}", hooks.To(id), StringComparison.Ordinal));
            var ended = await hooks.Api.EndAsync(task.Id());

            Assert.Equal(("callback", path, "succeeded"), (ended["pattern"].GetString(), "callback/" + ended["operation"].GetString(), ended.State()));
            Assert.Equal((continuation, result), (ended["result"].GetProperty("continuation").GetString(), ended["result"].GetProperty("result").GetRawText()));
            Assert.Equal("""{"items":[]}""", (await hooks.Api.DeliveriesAsync(task.Id())).Body.GetRawText());
            Assert.Empty(hooks.Receiver.Received(id));
        }
    }

    [OwnHostFact]
    public async Task The_other_outcome_is_delivered_to_the_url()
    {
        foreach (var (path, body, type, outcome, value) in new[]
        {
            ("callback/fail", """{"input":{"message":"It broke."},"onSuccess":{"operation":"echo"},"onError":{0}}""", "task.failed", "error", "\"It broke.\""),
            ("callback/echo", """{"input":{"value":4},"onSuccess":{0},"onError":{"operation":"echo"}}""", "task.succeeded", "result", "4"),
        })
        {
            var id = hooks.NewId();
            var task = await hooks.Api.CreateAsync(path, body.Replace("{0}", hooks.To(id), StringComparison.Ordinal));
            var webhook = (await hooks.Receiver.ArrivalAsync(id))[0];

            Assert.Equal((type, task.Id()), (webhook.Type, webhook.Data.GetProperty("id").GetString()));
            var told = webhook.Data.GetProperty(outcome);
            Assert.Equal(value, (outcome == "error" ? told.GetProperty("detail") : told).GetRawText());
        }
    }

    [OwnHostFact]
    public async Task The_end_of_a_pattern_is_delivered_too()
    {
        var id = hooks.NewId();
        await hooks.Api.CreateAsync("tasks", $$"""
            {"pattern":"map","operation":"math.square","request":{"items":[1,2,3]},"onSuccess":{{hooks.To(id)}} }
            """);
        var webhook = (await hooks.Receiver.ArrivalAsync(id))[0];

        Assert.Equal("[1,4,9]", webhook.Data.GetProperty("result").GetProperty("results").GetRawText());
    }

    [OwnHostFact]
    public async Task While_a_key_is_rotated_both_keys_sign()
    {
        const string New = "whsec_bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleQ==";
        await using var host = await Hosts.StartAsync(
            [.. WebhookFixture.Settings(0), ("Callbacks__SigningKeys__0", New), ("Callbacks__SigningKeys__1", WebhookReceiver.Secret)]);
        using var api = host.Connect();
        var id = hooks.NewId();
        await api.CreateIdAsync("echo", """{"value":1}""", $"\"onSuccess\":{hooks.To(id)}");
        var webhook = (await hooks.Receiver.ArrivalAsync(id))[0];

        Assert.Null(WebhookVerifier.FindError(WebhookReceiver.Secret, webhook));
        Assert.Null(WebhookVerifier.FindError(New, webhook));
        Assert.Equal(2, webhook.Signatures.Split(' ').Length);
    }

    [OwnHostFact]
    public async Task Without_a_key_a_url_is_refused_before_the_task_is_accepted()
    {
        // The local host generates a key unless it is told not to.
        await using var host = await Hosts.StartAsync(("Callbacks__GenerateSigningKey", "false"));
        using var api = host.Connect();
        foreach (var (path, body) in new[]
        {
            ("tasks/echo", """{"input":{"value":1},"onSuccess":{"url":"https://example.com/"}}"""),
            ("callback/echo", """{"input":{"value":1},"onSuccess":{"operation":"echo"},"onError":{"url":"https://example.com/"}}"""),
        })
        {
            var response = await api.PostAsync(path, body);

            Assert.Equal((HttpStatusCode.NotImplemented, "callbacks-not-configured"), (response.Status, response.Problem));
        }
    }

    [OwnHostFact]
    public async Task The_verifier_itself_refuses_a_tampered_message()
    {
        var id = hooks.NewId();
        await hooks.CreateAsync(id);
        var webhook = (await hooks.Receiver.ArrivalAsync(id))[0];

        Assert.Null(WebhookVerifier.FindError(WebhookReceiver.Secret, webhook));
        Assert.NotNull(WebhookVerifier.FindError(WebhookReceiver.Secret, webhook with { Id = webhook.Id + "x" }));
        Assert.NotNull(WebhookVerifier.FindError(WebhookReceiver.Secret, webhook with { Timestamp = JsonSerializer.Serialize(webhook.Seconds + 1) }));
        Assert.NotNull(WebhookVerifier.FindError(WebhookReceiver.Secret, webhook with { Body = [.. webhook.Body, (byte)' '] }));
        Assert.NotNull(WebhookVerifier.FindError(WebhookReceiver.Secret, webhook with { Signatures = "" }));
        Assert.NotNull(WebhookVerifier.FindError("whsec_" + new string('A', 32), webhook));
    }

    [EmbeddedFact("The hub takes up to a minute to take over what a host had begun.")]
    public async Task A_pending_delivery_is_made_after_a_crash()
    {
        using var directory = new TaskDirectory();
        (string, string)[] settings = WebhookFixture.Settings(0, 1, 1);
        var id = hooks.NewId();
        await using (var host = await directory.StartAsync(settings))
        {
            using var api = host.Connect();
            var task = await api.CreateIdAsync("echo", """{"value":1}""", $"\"onSuccess\":{hooks.To(id, "/fail?times=1")}");
            await Eventually.SeeAsync(() => api.DeliveriesAsync(task), static response => response["items"].GetArrayLength() > 0, "The first attempt to be noted");
            await host.KillAsync();
        }

        await using (await directory.StartAsync(settings))
        {
            var webhooks = await hooks.Receiver.ArrivalAsync(id, 2);

            Assert.Equal((webhooks[0].Id, webhooks[0].Json.GetRawText()), (webhooks[1].Id, webhooks[1].Json.GetRawText()));
            Assert.InRange((webhooks[1].At - webhooks[0].At).TotalSeconds, 1, 60);
        }
    }

    [EmbeddedFact("The hub takes up to a minute to take over what a host had begun: RandomlyKilledHostTests.")]
    public async Task A_delivered_or_failed_message_is_not_sent_again_after_a_crash()
    {
        using var directory = new TaskDirectory();
        (string, string)[] settings = WebhookFixture.Settings(0, 0.2);
        var sent = new Dictionary<string, string>(StringComparer.Ordinal);
        var before = new Dictionary<string, string>(StringComparer.Ordinal);
        await using (var host = await directory.StartAsync(settings))
        {
            using var api = host.Connect();
            foreach (var path in new[] { "/taken", "/gone", "/fail?times=1", "/reset?times=2" })
            {
                var id = hooks.NewId();
                var task = await api.CreateIdAsync("echo", """{"value":1}""", $"\"onSuccess\":{hooks.To(id, path)}");
                before[task] = (await api.DeliveredAsync(task)).Body.GetRawText();
                sent[task] = id;
            }

            await host.KillAsync();
        }

        await using (var host = await directory.StartAsync(settings))
        {
            // Theirs would be sent before that of a task which comes later.
            using var api = host.Connect();
            var later = hooks.NewId();
            await api.CreateIdAsync("echo", """{"value":2}""", $"\"onSuccess\":{hooks.To(later)}");
            await hooks.Receiver.ArrivalAsync(later);

            foreach (var (task, deliveries) in before)
            {
                Assert.Equal(deliveries, (await api.DeliveriesAsync(task)).Body.GetRawText());
                Assert.Equal(JsonElement.Parse(deliveries).GetProperty("items").GetArrayLength(), hooks.Receiver.Received(sent[task]).Count);
            }
        }
    }
}
