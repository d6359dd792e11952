namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>
/// The app that all tests share: what <c>FUNCTIONS_BASE_URL</c> names (with <c>FUNCTIONS_KEY</c>), or a LocalHost of the
/// tests' own.
/// </summary>
public sealed class FunctionsAppFixture : IAsyncLifetime
{
    private LocalHostProcess? _host;

    /// <summary>The app to run against instead of a LocalHost of the tests' own.</summary>
    public static string? ExternalBaseUrl { get; } = Environment.GetEnvironmentVariable("FUNCTIONS_BASE_URL") is { Length: > 0 } url ? url : null;

    public Api Api { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (ExternalBaseUrl is not null)
        {
            Api = new Api(new Uri(ExternalBaseUrl), Environment.GetEnvironmentVariable("FUNCTIONS_KEY"));
            return;
        }

        _host = await LocalHostProcess.StartAsync();
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

/// <summary>A test that starts hosts of its own.</summary>
public sealed class LocalHostFactAttribute : FactAttribute
{
    public LocalHostFactAttribute()
    {
        if (FunctionsAppFixture.ExternalBaseUrl is not null)
        {
            Skip = "Starts LocalHosts of its own, while FUNCTIONS_BASE_URL names another app to test.";
        }
    }
}

/// <summary>A test that starts hosts of its own and sends them signals.</summary>
public sealed class UnixLocalHostFactAttribute : FactAttribute
{
    public UnixLocalHostFactAttribute()
    {
        if (FunctionsAppFixture.ExternalBaseUrl is not null)
        {
            Skip = "Starts LocalHosts of its own, while FUNCTIONS_BASE_URL names another app to test.";
        }
        else if (OperatingSystem.IsWindows())
        {
            Skip = "Windows has no SIGTERM.";
        }
    }
}

/// <summary>A test that starts hosts of its own, and sees of them what only Linux shows.</summary>
public sealed class LinuxLocalHostFactAttribute : FactAttribute
{
    /// <param name="needs">What the test needs of Linux, as a sentence.</param>
    public LinuxLocalHostFactAttribute(string needs)
    {
        if (FunctionsAppFixture.ExternalBaseUrl is not null)
        {
            Skip = "Starts LocalHosts of its own, while FUNCTIONS_BASE_URL names another app to test.";
        }
        else if (!OperatingSystem.IsLinux())
        {
            Skip = needs;
        }
    }
}
