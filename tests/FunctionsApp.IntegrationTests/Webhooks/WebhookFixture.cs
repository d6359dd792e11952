using System.Globalization;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Webhooks;

/// <summary>A receiver, and a LocalHost that sends webhooks to it, and again soon.</summary>
public sealed class WebhookFixture : IAsyncLifetime
{
    private AppHost? _host;
    private int _ids;

    public WebhookReceiver Receiver { get; private set; } = null!;

    public Api Api { get; private set; } = null!;

    /// <summary>The settings of a host that may send webhooks to loopback.</summary>
    /// <param name="schedule">The pause before each attempt, in seconds.</param>
    public static (string Key, string Value)[] Settings(params double[] schedule) =>
    [
        ("Outbound__AllowedHosts__0", "127.0.0.1"),
        ("Callbacks__SigningKeys__0", WebhookReceiver.Secret),
        .. schedule.Select(static (pause, index) => (
            FormattableString.Invariant($"Callbacks__RetryScheduleSeconds__{index}"), pause.ToString(CultureInfo.InvariantCulture))),
    ];

    public async Task InitializeAsync()
    {
        if (FunctionsAppFixture.ExternalBaseUrl is null)
        {
            Receiver = await WebhookReceiver.StartAsync();
            _host = await Hosts.StartAsync(Settings(0, 0.2, 0.2, 0.5, 0.5));
            Api = _host.Connect();
        }
    }

    /// <summary>An id for what belongs together at the receiver.</summary>
    public string NewId() => Interlocked.Increment(ref _ids).ToString(CultureInfo.InvariantCulture);

    /// <summary>A continuation in JSON.</summary>
    /// <param name="id">The id at the receiver.</param>
    /// <param name="path">How it behaves.</param>
    public string To(string id, string path = "/taken") => $$"""{"url":{{JsonSerializer.Serialize(Receiver.Url(id, path))}}}""";

    /// <summary>Creates a task that succeeds at once, and is to tell of it.</summary>
    /// <returns>The task's id.</returns>
    public Task<string> CreateAsync(string id, string path = "/taken") => Api.CreateIdAsync("echo", """{"value":"done"}""", $"\"onSuccess\":{To(id, path)}");

    public async Task DisposeAsync()
    {
        Api?.Dispose();
        if (_host is not null)
        {
            await _host.DisposeAsync();
            await Receiver.DisposeAsync();
        }
    }
}
