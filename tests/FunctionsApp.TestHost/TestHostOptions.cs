namespace FunctionsApp.TestHost;

/// <summary>What a <see cref="FunctionsTestHost"/> runs, and how.</summary>
public sealed record TestHostOptions
{
    /// <summary>The folder that <c>dotnet publish</c> has filled: host.json, worker.config.json and the worker.</summary>
    public required string PackageDirectory { get; init; }

    /// <summary>Where the host listens; port 0 lets the system choose. Default <c>http://127.0.0.1:0</c>.</summary>
    public string Url { get; init; } = "http://127.0.0.1:0";

    /// <summary>App settings: environment variables of the worker, beside those of this process. They override host.json as <c>AzureFunctionsJobHost__…</c>.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Keys that open functions of level <c>Function</c>. Without any key, and without <see cref="MasterKey"/>, every function is open, as with Core Tools.</summary>
    public IReadOnlyList<string> FunctionKeys { get; init; } = [];

    /// <summary>The key that opens every function, and alone those of level <c>Admin</c>.</summary>
    public string? MasterKey { get; init; }

    /// <summary>The longest body of a request, in bytes. Default 104,857,600, the platform's.</summary>
    public long MaxRequestBodyBytes { get; init; } = 104_857_600;

    /// <summary>How long the worker may take to connect, and then to answer each message of the start. Default 60 s.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long the worker may take to end when it is asked to; then it is killed. Default 10 s.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Receives each line that the worker logs or prints; lines may come from several threads.</summary>
    public Action<string>? Log { get; init; }
}
