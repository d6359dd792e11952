using Microsoft.Extensions.Configuration;

namespace FunctionsApp.Hosting;

/// <summary>host.json, with what the app settings override of it.</summary>
public static class HostJson
{
    private const string FileName = "host.json";

    /// <summary>The Functions host lets app settings override host.json below this name.</summary>
    private const string OverrideSection = "AzureFunctionsJobHost";

    /// <summary>Reads the file, and over it settings such as <c>AzureFunctionsJobHost__extensions__http__maxConcurrentRequests</c>.</summary>
    /// <param name="directory">Where host.json lies; without one only the overrides are there.</param>
    /// <param name="settings">The app settings.</param>
    /// <exception cref="InvalidOperationException">host.json is not JSON.</exception>
    public static IConfiguration Load(string directory, IConfiguration settings) => new ConfigurationBuilder()
        .AddInMemoryCollection(ValuesOf(SettingsFile.Read(directory, FileName)))
        .AddInMemoryCollection(ValuesOf(settings.GetSection(OverrideSection)))
        .Build();

    /// <summary>The values, also those that are empty: a configuration that is chained to another would lose an empty <c>routePrefix</c>.</summary>
    private static IEnumerable<KeyValuePair<string, string?>> ValuesOf(IConfiguration configuration) =>
        configuration.AsEnumerable(makePathsRelative: true).Where(static setting => setting.Value is not null);
}
