using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace FunctionsApp.Hosting;

/// <summary>How long the Functions host lets an invocation run (<c>functionTimeout</c> of host.json).</summary>
internal static class FunctionTimeout
{
    /// <summary>Reads host.json, or returns the plan's default; null means no limit.</summary>
    /// <param name="hostJson">host.json.</param>
    /// <param name="configuration">The app settings.</param>
    public static TimeSpan? Read(IConfiguration hostJson, IConfiguration configuration) => hostJson["functionTimeout"] switch
    {
        null => TimeSpan.FromMinutes(configuration["WEBSITE_SKU"] is "Dynamic" ? 5 : 30),
        "-1" => null,

        // The host itself rejects an invalid value, before it starts the worker.
        var text => TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var timeout) ? timeout : null,
    };
}
