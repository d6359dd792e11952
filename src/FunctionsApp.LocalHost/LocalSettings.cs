using FunctionsApp.Hosting;
using Microsoft.Extensions.Configuration.Memory;

namespace FunctionsApp.LocalHost;

/// <summary>local.settings.json: app settings of a developer's machine.</summary>
internal static class LocalSettings
{
    private const string FileName = "local.settings.json";

    /// <summary>
    /// Adds its <c>Values</c> with the lowest priority, so that the environment and the command line override them, as with
    /// Core Tools. <c>Host.LocalHttpPort</c> becomes the setting <c>port</c>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The file is not JSON, or is encrypted.</exception>
    public static void AddTo(IConfigurationBuilder configuration, string directory)
    {
        var file = SettingsFile.Read(directory, FileName);
        if (file.GetValue<bool>("IsEncrypted"))
        {
            throw new InvalidOperationException($"{FileName} is encrypted; decrypt it with 'func settings decrypt'.");
        }

        // Keys write a colon as two underscores, like the environment variables that they replace.
        var values = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in file.GetSection("Values").AsEnumerable(makePathsRelative: true))
        {
            if (value is not null)
            {
                values[key.Replace("__", ":", StringComparison.Ordinal)] = value;
            }
        }

        if (file["Host:LocalHttpPort"] is { } port)
        {
            values["port"] = port;
        }

        configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = values });
    }
}
