using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;

namespace FunctionsApp.Hosting;

/// <summary>Settings whose default depends on the host.</summary>
public static class HostDefaults
{
    /// <summary>Adds a setting that any other source overrides.</summary>
    /// <param name="configuration">The app settings.</param>
    /// <param name="name">The setting.</param>
    /// <param name="value">Its default.</param>
    public static void AddDefault(this IConfigurationBuilder configuration, string name, string value) =>
        configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = [KeyValuePair.Create(name, (string?)value)] });
}
