using System.Reflection;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>Starts hosts of the kind that this assembly is about; its project says which.</summary>
public static class Hosts
{
    /// <summary>Whether the tests run on TestHost; else on LocalHost.</summary>
    public static bool AreTestHosts { get; } = Read("Host") == "TestHost";

    /// <summary>Whether their tasks are in Azure Storage; else in a directory.</summary>
    public static bool AreDurable { get; } = Read("Engine") == "durable";

    /// <summary>Starts a host and waits until it listens.</summary>
    /// <param name="settings">Environment variables, as <c>Limits__MaxCalls</c>. <c>Tasks__Directory</c> is a new directory unless it is among them.</param>
    public static Task<AppHost> StartAsync(params (string Key, string Value)[] settings) => AppHost.StartedAsync(Launch(settings));

    /// <summary>Starts a host, and does not wait until it listens.</summary>
    public static AppHost Launch(params (string Key, string Value)[] settings) => AreTestHosts ? TestHostProcess.Launch(settings) : LocalHostProcess.Launch(settings);

    private static string? Read(string key) =>
        typeof(Hosts).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value;
}
