namespace FunctionsApp.LocalHost;

/// <summary>The section <c>extensions.http</c> of host.json; the defaults are those of the Functions host on a dedicated plan.</summary>
internal sealed class HttpOptions
{
    /// <summary>The path of the section in host.json.</summary>
    public const string Section = "extensions:http";

    /// <summary>The prefix of every function's route.</summary>
    public string RoutePrefix { get; set; } = "api";

    /// <summary>Requests that may run and wait together; -1 for no limit. Further requests get a 429 response.</summary>
    public int MaxOutstandingRequests { get; set; } = -1;

    /// <summary>Requests that may run at once; -1 for no limit. Further requests wait.</summary>
    public int MaxConcurrentRequests { get; set; } = -1;
}
