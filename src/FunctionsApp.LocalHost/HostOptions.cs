using System.ComponentModel.DataAnnotations;

namespace FunctionsApp.LocalHost;

/// <summary>The settings of LocalHost alone; configuration section <c>Host</c>.</summary>
internal sealed record HostOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Host";

    /// <summary>The keys for functions that are not anonymous; blank ones do not count. Default: none.</summary>
    public string[] FunctionKeys { get; set; } = [];

    /// <summary>The key for every function, and the only one for those of level admin; blank or null for none. Default: none.</summary>
    public string? MasterKey { get; set; }

    /// <summary>The origins whose pages may send requests, such as <c>https://app.example</c>. Default: none.</summary>
    public string[] AllowedOrigins { get; set; } = [];

    /// <summary>The maximum number of requests that wait for changes of tasks; more are <c>saturated</c>. Default 10,000.</summary>
    [Range(1, int.MaxValue)]
    public int MaxWatchers { get; set; } = 10_000;
}
