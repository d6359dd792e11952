namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>
/// The app that all tests share: what <c>FUNCTIONS_BASE_URL</c> names (with <c>FUNCTIONS_KEY</c>), or a host of the
/// tests' own.
/// </summary>
public sealed class FunctionsAppFixture : IAsyncLifetime
{
    private AppHost? _host;

    /// <summary>The app to run against instead of a host of the tests' own.</summary>
    public static string? ExternalBaseUrl { get; } = Environment.GetEnvironmentVariable("FUNCTIONS_BASE_URL") is { Length: > 0 } url ? url : null;

    public Api Api { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (ExternalBaseUrl is not null)
        {
            Api = new Api(new Uri(ExternalBaseUrl), Environment.GetEnvironmentVariable("FUNCTIONS_KEY"));
            return;
        }

        _host = await Hosts.StartAsync();
        Api = _host.Connect();
    }

    public async Task DisposeAsync()
    {
        Api?.Dispose();
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }
    }
}

/// <summary>Tests of the app over HTTP. They run one after the other, so that each has the machine for its timings.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FunctionsAppCollection : ICollectionFixture<FunctionsAppFixture>
{
    public const string Name = "Functions app";
}
