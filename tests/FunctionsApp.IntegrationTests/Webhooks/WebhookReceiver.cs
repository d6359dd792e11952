using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.IntegrationTests.Webhooks;

/// <summary>A webhook as it has arrived.</summary>
/// <param name="Id">Its <c>webhook-id</c>.</param>
/// <param name="Timestamp">Its <c>webhook-timestamp</c>.</param>
/// <param name="Signatures">Its <c>webhook-signature</c>.</param>
/// <param name="Body">Its body.</param>
/// <param name="At">When it arrived.</param>
public sealed record Webhook(string Id, string Timestamp, string Signatures, byte[] Body, DateTimeOffset At)
{
    public JsonElement Json => JsonElement.Parse(Body);

    public string Type => Json.GetProperty("type").GetString()!;

    public JsonElement Data => Json.GetProperty("data");

    public long Seconds => long.Parse(Timestamp, CultureInfo.InvariantCulture);
}

/// <summary>
/// A receiver of webhooks on loopback that verifies each of them, and behaves well or badly, as the path says:
/// <c>/fail</c>, <c>/busy</c> and <c>/reset</c> for the first <c>times</c> requests, <c>/hang</c>, <c>/gone</c> and
/// <c>/redirect</c> always; any other takes what comes. Requests to one <c>id</c> in the query belong together.
/// </summary>
public sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, ConcurrentQueue<Webhook>> _received = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly CancellationTokenSource _closing = new();
    private WebApplication _app = null!;

    private WebhookReceiver()
    {
    }

    /// <summary>The key that the webhooks are to be signed with.</summary>
    public static string Secret { get; } = "whsec_" + Convert.ToBase64String([.. Enumerable.Range(1, 24).Select(static i => (byte)i)]);

    public Uri Origin { get; private set; } = null!;

    /// <summary>What was wrong with the webhooks that have arrived.</summary>
    public IEnumerable<string> ValidationErrors => _errors;

    public static async Task<WebhookReceiver> StartAsync()
    {
        var receiver = new WebhookReceiver();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static options => options.Listen(IPAddress.Loopback, 0));
        receiver._app = builder.Build();
        receiver._app.Run(receiver.HandleAsync);
        await receiver._app.StartAsync();
        receiver.Origin = new Uri(receiver._app.Urls.Single());
        return receiver;
    }

    /// <summary>The URL of a path.</summary>
    /// <param name="id">The id by which its requests are known.</param>
    /// <param name="path">The path, and how it behaves, as <c>/fail?times=2</c>.</param>
    public string Url(string id, string path) => new Uri(Origin, path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "id=" + id).AbsoluteUri;

    /// <summary>What has arrived for an id, in order.</summary>
    public IReadOnlyList<Webhook> Received(string id) => _received.TryGetValue(id, out var webhooks) ? [.. webhooks] : [];

    /// <summary>Waits until so many have arrived for an id.</summary>
    public Task<IReadOnlyList<Webhook>> ArrivalAsync(string id, int count = 1) => Eventually.SeeAsync(
        () => Task.FromResult(Received(id)), webhooks => webhooks.Count >= count, FormattableString.Invariant($"{count} webhooks to arrive for {id}"));

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _app.StopAsync(_closing.Token);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        var webhook = new Webhook(Header("webhook-id"), Header("webhook-timestamp"), Header("webhook-signature"), body.ToArray(), DateTimeOffset.UtcNow);
        if (request.Method != "POST" || request.ContentType != "application/json")
        {
            _errors.Enqueue($"It is a {request.Method} of {request.ContentType}.");
        }

        if (WebhookVerifier.FindError(Secret, webhook) is { } error)
        {
            _errors.Enqueue(error);
        }

        var received = _received.GetOrAdd(request.Query["id"].ToString(), static _ => new ConcurrentQueue<Webhook>());
        received.Enqueue(webhook);
        var misbehaves = received.Count <= (int.TryParse(request.Query["times"], CultureInfo.InvariantCulture, out var times) ? times : 0);
        switch (request.Path.Value)
        {
            case "/fail" when misbehaves:
                response.StatusCode = StatusCodes.Status500InternalServerError;
                break;

            case "/busy" when misbehaves:
                response.StatusCode = StatusCodes.Status429TooManyRequests;
                response.Headers.RetryAfter = request.Query["after"];
                break;

            case "/reset" when misbehaves:
                context.Abort();
                break;

            case "/hang":
                using (var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _closing.Token))
                {
                    await Task.Delay(Timeout.Infinite, over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }

                break;

            case "/gone":
                response.StatusCode = StatusCodes.Status410Gone;
                break;

            case "/redirect":
                response.Redirect(Url("redirected", "/taken"));
                break;

            default:
                response.StatusCode = StatusCodes.Status204NoContent;
                break;
        }

        string Header(string name) => request.Headers[name].ToString();
    }
}
