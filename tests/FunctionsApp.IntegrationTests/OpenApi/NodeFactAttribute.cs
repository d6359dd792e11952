using System.Diagnostics;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.OpenApi;

/// <summary>A test that leaves its judgement to tools from npm.</summary>
public sealed class NodeFactAttribute : FactAttribute
{
    /// <summary>Whether it is about the app, and not about a host; then it need not run on each.</summary>
    public bool IsOfApp { get; set; }

    /// <inheritdoc/>
    public override string? Skip =>
        IsOfApp && Hosts.AreTestHosts ? "The document is the same on every host."
        : Directory.Exists(Path.Combine(NodeTools.Folder, "node_modules")) ? null
        : "Needs Node and its tools: npm ci --prefix tests/openapi-lint.";
}

/// <summary>Runs the tools of tests/openapi-lint.</summary>
public static class NodeTools
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public static string Folder { get; } = Path.Combine(Repository.Root, "tests", "openapi-lint");

    /// <summary>Runs a script; fails the test with what it printed when it does.</summary>
    public static async Task RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("node", arguments) { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment["REDOCLY_TELEMETRY"] = "off";
        start.Environment["REDOCLY_SUPPRESS_UPDATE_NOTICE"] = "true";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Limit);
        Assert.True(process.ExitCode == 0, await output + await error);
    }
}
