namespace FunctionsApp.TestHost.Http;

/// <summary>The part of host.json that matters to HTTP functions, with what the app settings override of it.</summary>
internal sealed class HostJson
{
    private const string OverridePrefix = "AzureFunctionsJobHost__";

    /// <summary>What comes before every function's route.</summary>
    public string RoutePrefix { get; set; } = "api";

    /// <summary>Requests that may run and wait together; -1 for no limit.</summary>
    public int MaxOutstandingRequests { get; set; } = -1;

    /// <summary>Requests that may run at once; -1 for no limit.</summary>
    public int MaxConcurrentRequests { get; set; } = -1;

    /// <summary>Reads host.json of a package.</summary>
    public static HostJson Read(TestHostOptions options)
    {
        var settings = options.Settings.Where(static setting => setting.Key.StartsWith(OverridePrefix, StringComparison.OrdinalIgnoreCase))
            .Select(static setting => KeyValuePair.Create(setting.Key[OverridePrefix.Length..].Replace("__", ":", StringComparison.Ordinal), (string?)setting.Value));
        var host = new HostJson();
        new ConfigurationBuilder()
            .AddJsonFile(Path.GetFullPath(Path.Combine(options.PackageDirectory, "host.json")), optional: true)
            .AddEnvironmentVariables(OverridePrefix)
            .AddInMemoryCollection(settings)
            .Build()
            .GetSection("extensions:http")
            .Bind(host);
        return host;
    }
}
