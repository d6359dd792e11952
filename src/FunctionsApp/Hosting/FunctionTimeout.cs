using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace FunctionsApp.Hosting;

/// <summary>How long the Functions host lets an invocation run (<c>functionTimeout</c> of host.json).</summary>
internal static class FunctionTimeout
{
    private const string Setting = "functionTimeout";

    /// <summary>The Functions host lets app settings override host.json below this name.</summary>
    private const string OverrideSection = "AzureFunctionsJobHost";

    /// <summary>Reads the app settings, else host.json, else takes the plan's default; null where there is no limit.</summary>
    /// <param name="configuration">The app settings.</param>
    /// <param name="directory">Where host.json lies.</param>
    public static TimeSpan? Read(IConfiguration configuration, string directory)
    {
        var text = configuration[$"{OverrideSection}:{Setting}"]
            ?? new ConfigurationBuilder().AddJsonFile(Path.GetFullPath(Path.Combine(directory, "host.json")), optional: true).Build()[Setting];

        // What the host cannot read it refuses itself, before it starts the worker.
        return text is null
            ? TimeSpan.FromMinutes(configuration["WEBSITE_SKU"] is "Dynamic" ? 5 : 30)
            : text is not "-1" && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var timeout) ? timeout : null;
    }
}
