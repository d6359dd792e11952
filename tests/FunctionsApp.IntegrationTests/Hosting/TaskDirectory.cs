namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>A directory of tasks, for hosts that are started on it one after the other.</summary>
public sealed class TaskDirectory : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tasks-");

    public string Path => _directory.FullName;

    /// <summary>Starts a host on the directory, and waits until it listens.</summary>
    /// <param name="settings">More settings.</param>
    public Task<AppHost> StartAsync(params (string Key, string Value)[] settings) => Hosts.StartAsync(With(settings));

    /// <summary>Starts a host on the directory, and does not wait.</summary>
    /// <param name="settings">More settings.</param>
    public AppHost Launch(params (string Key, string Value)[] settings) => Hosts.Launch(With(settings));

    public void Dispose() => _directory.Delete(recursive: true);

    private (string Key, string Value)[] With((string Key, string Value)[] settings) => [("Tasks__Directory", Path), .. settings];
}
