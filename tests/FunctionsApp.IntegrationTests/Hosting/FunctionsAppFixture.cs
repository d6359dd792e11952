namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>
/// The app that all tests share: what <c>FUNCTIONS_BASE_URL</c> names (with <c>FUNCTIONS_KEY</c>), or a host of the
/// tests' own.
/// </summary>
public class FunctionsAppFixture : IAsyncLifetime
{
    /// <summary>The app to run against instead of a host of the tests' own.</summary>
    public static string? ExternalBaseUrl { get; } = Environment.GetEnvironmentVariable("FUNCTIONS_BASE_URL") is { Length: > 0 } url ? url : null;

    public Api Api { get; private set; } = null!;

    /// <summary>The host of the tests' own, where there is one.</summary>
    public AppHost Host { get; private set; } = null!;

    /// <summary>Its settings.</summary>
    protected virtual (string Key, string Value)[] HostSettings => [];

    public async Task InitializeAsync()
    {
        if (ExternalBaseUrl is not null)
        {
            Api = new Api(new Uri(ExternalBaseUrl), Environment.GetEnvironmentVariable("FUNCTIONS_KEY"));
            return;
        }

        Host = await Hosts.StartAsync(HostSettings);
        Api = Host.Connect();
    }

    public async Task DisposeAsync()
    {
        Api?.Dispose();
        if (Host is not null)
        {
            await Host.DisposeAsync();
        }
    }
}

/// <summary>Tests of the app over HTTP. They run one after the other, so that each has the machine for its timings.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed partial class FunctionsAppCollection : ICollectionFixture<FunctionsAppFixture>
{
    public const string Name = "Functions app";
}
