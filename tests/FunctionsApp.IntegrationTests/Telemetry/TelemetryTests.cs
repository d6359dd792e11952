using System.Net;
using System.Text;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Outbound;
using FunctionsApp.IntegrationTests.Webhooks;

namespace FunctionsApp.IntegrationTests.Telemetry;

/// <summary>What reaches an OpenTelemetry collector, and what must not.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class TelemetryTests
{
    private const string CallerTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string CallerSpan = "00f067aa0ba902b7";

    [EmbeddedFact("Runs no task.", Needs.Signals)]
    public async Task A_gather_is_a_tree_from_the_callers_span_to_each_call()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        await RunAsync(receiver, async api =>
        {
            await PostAsync(api, "gather", """{"calls":[{"operation":"delay","input":{"seconds":0.1}},{"operation":"math.square","input":{"x":3}},{"operation":"fail","input":{"message":"a secret"}}],"returnExceptions":true}""");
        });

        var spans = receiver.Spans.Where(static span => span.TraceId == CallerTrace).ToList();
        var server = ServerSpan(spans, "POST api/gather", "Gather");
        Assert.Equal((2, "200"), (server.Kind, server.Tags["http.response.status_code"]));
        var gather = Assert.Single(spans, span => span.ParentId == server.SpanId);
        Assert.Equal(("gather", "succeeded"), (gather.Name, gather.Tags["functionsapp.outcome"]));
        var calls = spans.Where(span => span.ParentId == gather.SpanId).OrderBy(static span => span.Name, StringComparer.Ordinal).ToList();
        Assert.Equal(["call delay", "call fail", "call math.square"], calls.Select(static span => span.Name));
        Assert.Equal(["", "operation-failed", ""], calls.Select(static span => span.Tags.GetValueOrDefault("error.type", "")));
        Assert.Equal([false, true, false], calls.Select(static span => span.IsError));
        Assert.Equal(Hosts.AreTestHosts ? 6 : 5, spans.Count);
        Assert.True(calls[0].End - calls[0].Start >= 90_000_000);
        Assert.All(calls, call => Assert.True(call.Start >= gather.Start && call.End <= gather.End));
    }

    [EmbeddedFact("Runs no task.", Needs.Signals)]
    public async Task A_streamed_response_belongs_to_the_span_of_its_request_until_the_end()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        await RunAsync(receiver, static async api =>
        {
            await PostAsync(api, "stream/count", """{"count":3,"intervalSeconds":0.05}""");
            await PostAsync(api, "map/math.square", """{"items":[1,2,3]}""", accept: "application/x-ndjson");
        });

        var stream = Assert.Single(receiver.Spans, static span => span.Name == "stream count");
        var server = Assert.Single(receiver.Spans, span => span.SpanId == stream.ParentId);
        Assert.Equal("POST api/stream/{operation}", server.Name);
        Assert.True(server.End >= stream.End);
        var map = Assert.Single(receiver.Spans, static span => span.Name == "map math.square");
        Assert.Contains(receiver.Spans, span => span.Name == "chunk" && span.ParentId == map.SpanId);
    }

    [OwnHostFact(Needs.Signals)]
    public async Task A_task_and_its_webhook_continue_the_trace_of_the_request_and_send_it_to_the_receiver()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        await using var upstream = await UpstreamServer.StartAsync();
        await RunAsync(receiver, async api =>
        {
            var response = await PostAsync(api, "tasks/echo", $$$"""{"input":{"value":"a secret"},"onSuccess":{"url":"{{{upstream.Origin}}}echo?id=hook&token=a-secret"}}""");
            await api.DeliveredAsync(response.Id());
        }, ("Outbound__AllowedHosts__0", $"127.0.0.1:{upstream.Origin.Port}"), ("Callbacks__SigningKeys__0", WebhookReceiver.Secret));

        var spans = receiver.Spans.Where(static span => span.TraceId == CallerTrace).ToList();
        var server = ServerSpan(spans, "POST api/tasks/{operation}", "CreateTask");
        var task = Assert.Single(spans, static span => span.Name == "task echo");
        var webhook = Assert.Single(spans, static span => span.Name == "webhook");
        Assert.Equal((server.SpanId, server.SpanId), (task.ParentId, webhook.ParentId));
        Assert.Single(spans, span => span.Name == "call echo" && span.ParentId == task.SpanId);
        Assert.Equal($"00-{CallerTrace}-{webhook.SpanId}-01", upstream.Requests("hook").Single().Headers["traceparent"]);
    }

    [OwnHostFact(Needs.Signals)]
    public async Task No_data_of_callers_is_exported_and_the_metrics_are()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        var ids = new List<string>();
        await RunAsync(receiver, async api =>
        {
            await PostAsync(api, "await/echo?timeoutSeconds=17", """{"value":"a secret"}""");
            await PostAsync(api, "await/fail", """{"message":"a secret"}""");
            var task = (await PostAsync(api, "tasks/pbkdf2", """{"input":{"password":"a secret","salt":"x","iterations":1000}}"""))["id"].GetString()!;
            ids.Add(task);
            await api.EndAsync(task);
        });

        var text = receiver.Text;
        Assert.Contains("call pbkdf2", text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
        Assert.DoesNotContain("timeoutSeconds", text, StringComparison.Ordinal);
        Assert.All(ids, id => Assert.DoesNotContain(id, text, StringComparison.Ordinal));
        Assert.Superset(
            new HashSet<string>(StringComparer.Ordinal)
            {
                "functionsapp.operation.active", "functionsapp.operation.duration", "functionsapp.run.active", "functionsapp.run.duration",
                "functionsapp.cpu.queue.length", "functionsapp.cpu.wait", "functionsapp.cpu.busy", "functionsapp.cpu.utilization", "functionsapp.task.queue.length",
            },
            receiver.Metrics.Keys.ToHashSet(StringComparer.Ordinal));
    }

    [EmbeddedFact("Runs no task.", Needs.Signals)]
    public async Task With_a_connection_string_spans_and_metrics_go_to_Azure_Monitor()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        await using var host = await Hosts.StartAsync(
            ("APPLICATIONINSIGHTS_CONNECTION_STRING", $"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint={receiver.Endpoint}/;LiveEndpoint={receiver.Endpoint}/"),
            ("APPLICATIONINSIGHTS_STATSBEAT_DISABLED", "true"),

            // Else it thins the traces out by their rate, and may drop the only one.
            ("OTEL_TRACES_SAMPLER", "microsoft.fixed_percentage"),
            ("OTEL_TRACES_SAMPLER_ARG", "1"));
        using (var api = host.Connect())
        {
            await PostAsync(api, "gather", """{"calls":[{"operation":"echo","input":{"value":"a secret"}}]}""");
        }

        host.Terminate();
        await host.WaitForExitAsync();

        Assert.Contains("POST api/gather", receiver.Text, StringComparison.Ordinal);
        Assert.Contains("call echo", receiver.Text, StringComparison.Ordinal);
        Assert.Contains(CallerTrace, receiver.Text, StringComparison.Ordinal);
        Assert.Contains("functionsapp.operation.duration", receiver.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("a secret", receiver.Text, StringComparison.Ordinal);
    }

    [EmbeddedFact("Runs no task.", Needs.Signals)]
    public async Task A_missing_collector_has_no_effect()
    {
        await using var host = await Hosts.StartAsync(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"));
        using var api = host.Connect();

        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo", """{"value":1}""")).Status);
    }

    /// <summary>The span of a request, which goes on with the caller's; under a Functions host by way of the host's own and the worker's.</summary>
    private static Span ServerSpan(List<Span> spans, string name, string function)
    {
        var server = Assert.Single(spans, span => span.Name == name);
        if (Hosts.AreTestHosts)
        {
            Assert.Single(spans, span => span.SpanId == server.ParentId && span.Name == $"function {function}");
        }
        else
        {
            Assert.Equal(CallerSpan, server.ParentId);
        }

        return server;
    }

    /// <summary>Runs a host that exports to the receiver, to its end: then everything has been sent.</summary>
    private static async Task RunAsync(OtlpReceiver receiver, Func<Api, Task> work, params (string, string)[] settings)
    {
        await using var host = await Hosts.StartAsync(
            [("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), .. settings]);
        using (var api = host.Connect())
        {
            await work(api);
        }

        host.Terminate();
        await host.WaitForExitAsync();
    }

    private static async Task<ApiResponse> PostAsync(Api api, string path, string json, string? accept = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        request.Headers.Add("traceparent", $"00-{CallerTrace}-{CallerSpan}-01");
        if (accept is not null)
        {
            request.Headers.Accept.ParseAdd(accept);
        }

        using var response = await api.Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return new ApiResponse(response.StatusCode, response.Content.Headers.ContentType?.MediaType, response.Headers,
            response.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) == true && accept is null && !path.StartsWith("stream", StringComparison.Ordinal)
                ? System.Text.Json.JsonElement.Parse(text) : default);
    }
}
