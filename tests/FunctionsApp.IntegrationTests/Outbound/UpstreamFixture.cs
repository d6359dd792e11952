using System.Globalization;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Outbound;

/// <summary>A LocalHost that may call the loopback servers of the tests, and nothing else that is internal.</summary>
public class UpstreamFixture : IAsyncLifetime
{
    public const int MaxResponseBytes = 1_048_576;

    private AppHost? _host;
    private int _ids;

    public UpstreamServer Server { get; private set; } = null!;

    public RawServer Raw { get; private set; } = null!;

    public Api Api { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (FunctionsAppFixture.ExternalBaseUrl is not null)
        {
            return;
        }

        Server = await UpstreamServer.StartAsync();
        Raw = new RawServer();
        _host = await StartHostAsync([.. HostSettings()]);
        Api = _host.Connect();
    }

    /// <summary>Starts a host that may call the servers, besides the fixture's own.</summary>
    public Task<AppHost> StartHostAsync(params (string Key, string Value)[] settings)
    {
        string[] allowed =
        [
            .. new[]
            {
                Server.Origin, Server.OtherOrigin, Server.SecureOrigin, Server.OtherSecureOrigin, Server.MisnamedOrigin, Server.SilentOrigin,
                Raw.Origin, ClosedOrigin,
            }.Select(static origin => origin.Authority),
            $"localhost:{Server.SecureOrigin.Port}",
        ];
        return Hosts.StartAsync(
        [
            .. allowed.Select(static (host, index) => ($"Outbound__AllowedHosts__{index}", host)),
            ("Outbound__MaxResponseBytes", MaxResponseBytes.ToString(CultureInfo.InvariantCulture)),

            .. Hosts.AreTestHosts || Hosts.AreDurable ? [] : Proxies,
            .. settings,
        ]);
    }

    /// <summary>
    /// A proxy from the environment would be dialled in place of what the guard has checked. A worker cannot have one: it would dial its
    /// own host there, too. Nor can who keeps tasks in Azure Storage, which is dialled like any other server.
    /// </summary>
    private static (string, string)[] Proxies { get; } = [("HTTP_PROXY", "http://127.0.0.1:9"), ("ALL_PROXY", "http://127.0.0.1:9")];

    /// <summary>An origin where nothing listens: tcpmux is long gone.</summary>
    public static Uri ClosedOrigin { get; } = new("http://127.0.0.1:1");

    /// <summary>An id for a request.</summary>
    public string NewId() => Interlocked.Increment(ref _ids).ToString(CultureInfo.InvariantCulture);

    /// <summary>The URL of a path of the server.</summary>
    public string Url(string path) => new Uri(Server.Origin, path).AbsoluteUri;

    /// <summary>An input of <c>http.request</c> or <c>http.lines</c>.</summary>
    public string Input(string path, string more = "") => $$"""{"url":{{JsonSerializer.Serialize(Url(path))}}{{(more.Length == 0 ? "" : "," + more)}}}""";

    public async Task<ApiResponse> RequestAsync(string path, string more = "") => await Api.PostAsync("await/http.request", Input(path, more));

    /// <summary>The result of a request that is expected to go well.</summary>
    public async Task<JsonElement> ResultAsync(string path, string more = "")
    {
        var response = await RequestAsync(path, more);
        Assert.True(response.Body.TryGetProperty("result", out var result), response.Body.GetRawText());
        return result;
    }

    public virtual async Task DisposeAsync()
    {
        Api?.Dispose();
        if (_host is not null)
        {
            await _host.DisposeAsync();
            await Server.DisposeAsync();
            Raw.Dispose();
        }
    }

    /// <summary>What the host of the fixture itself is told besides.</summary>
    protected virtual IEnumerable<(string Key, string Value)> HostSettings() => [];
}
