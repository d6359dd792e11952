namespace FunctionsApp.LocalHost;

/// <summary>The section <c>extensions.http</c> of host.json; the defaults are the Functions host's on a dedicated plan.</summary>
internal sealed class HttpOptions
{
    /// <summary>Where the section is in host.json.</summary>
    public const string Section = "extensions:http";

    /// <summary>What comes before every function's route.</summary>
    public string RoutePrefix { get; set; } = "api";

    /// <summary>Requests that may run and wait together; -1 for no limit. One more is answered 429.</summary>
    public int MaxOutstandingRequests { get; set; } = -1;

    /// <summary>Requests that may run at once; -1 for no limit. More wait.</summary>
    public int MaxConcurrentRequests { get; set; } = -1;
}
