using Microsoft.Extensions.Configuration;

namespace FunctionsApp.Hosting;

/// <summary>host.json, with the overrides of the app settings.</summary>
public static class HostJson
{
    private const string FileName = "host.json";

    /// <summary>The section of the app settings that overrides host.json in the Functions host.</summary>
    private const string OverrideSection = "AzureFunctionsJobHost";

    /// <summary>
    /// Reads the file, overridden by settings such as <c>AzureFunctionsJobHost__extensions__http__maxConcurrentRequests</c>.
    /// </summary>
    /// <param name="directory">The directory of host.json; without the file only the overrides apply.</param>
    /// <param name="settings">The app settings.</param>
    /// <exception cref="InvalidOperationException">host.json is not JSON.</exception>
    public static IConfiguration Load(string directory, IConfiguration settings) => new ConfigurationBuilder()
        .AddInMemoryCollection(ValuesOf(SettingsFile.Read(directory, FileName)))
        .AddInMemoryCollection(ValuesOf(settings.GetSection(OverrideSection)))
        .Build();

    /// <summary>Returns the values, including empty ones: a chained configuration would lose an empty <c>routePrefix</c>.</summary>
    private static IEnumerable<KeyValuePair<string, string?>> ValuesOf(IConfiguration configuration) =>
        configuration.AsEnumerable(makePathsRelative: true).Where(static setting => setting.Value is not null);
}
