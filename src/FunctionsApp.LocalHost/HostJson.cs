namespace FunctionsApp.LocalHost;

/// <summary>The part of host.json that matters to HTTP functions.</summary>
/// <param name="Http">The section <c>extensions.http</c>.</param>
internal sealed record HostJson(HttpOptions Http)
{
    private const string FileName = "host.json";

    /// <summary>The Functions host lets app settings override host.json below this name.</summary>
    private const string OverrideSection = "AzureFunctionsJobHost";

    /// <summary>Reads host.json, then what the configuration overrides of it.</summary>
    /// <param name="directory">Where host.json lies; without one the platform's defaults hold.</param>
    /// <param name="configuration">App settings, as <c>AzureFunctionsJobHost__extensions__http__maxConcurrentRequests</c>.</param>
    /// <exception cref="InvalidOperationException">host.json is not JSON, or a value is of the wrong type.</exception>
    public static HostJson Load(string directory, IConfiguration configuration)
    {
        var http = new HttpOptions();
        SettingsFile.Read(directory, FileName).GetSection("extensions:http").Bind(http);
        configuration.GetSection($"{OverrideSection}:extensions:http").Bind(http);
        return new HostJson(http);
    }
}

/// <summary>The section <c>extensions.http</c> of host.json; the defaults are the Functions host's on a plan of one's own.</summary>
internal sealed class HttpOptions
{
    /// <summary>What comes before every function's route.</summary>
    public string RoutePrefix { get; set; } = "api";

    /// <summary>Requests that may run and wait together; -1 for no limit. One more is answered 429.</summary>
    public int MaxOutstandingRequests { get; set; } = -1;

    /// <summary>Requests that may run at once; -1 for no limit. More wait.</summary>
    public int MaxConcurrentRequests { get; set; } = -1;
}
