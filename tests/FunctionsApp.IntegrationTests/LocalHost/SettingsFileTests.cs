using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.LocalHost;

[Collection(FunctionsAppCollection.Name)]
public sealed class SettingsFileTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory();

    public void Dispose() => _directory.Delete(recursive: true);

    [OwnHostFact]
    public async Task The_values_of_local_settings_are_app_settings()
    {
        Write("local.settings.json", """{"IsEncrypted":false,"Values":{"Limits__MaxCalls":"1","Limits:MaxDepth":"8"}}""");
        await using var host = await StartAsync();
        using var api = host.Connect();

        Assert.Contains("MaxCalls", await DetailOfAsync(api, "sequence", """{"steps":[{"operation":"a"},{"operation":"a"}]}"""), StringComparison.Ordinal);
        Assert.Contains("MaxDepth", await DetailOfAsync(api, "await/echo", """{"value":[[[[[[[[1]]]]]]]]}"""), StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task The_environment_wins_over_local_settings()
    {
        Write("local.settings.json", """{"Values":{"Limits__MaxCalls":"1"}}""");
        await using var host = await StartAsync(("Limits__MaxCalls", "2"));
        using var api = host.Connect();

        Assert.Equal("unknown-operation", (await api.PostAsync("sequence", """{"steps":[{"operation":"a"},{"operation":"a"}]}""")).Problem);
    }

    [OwnHostFact]
    public async Task Host_json_has_the_route_prefix_and_the_throttle()
    {
        Write("host.json", """
            {
              // As the Functions host reads it: with comments.
              "version": "2.0",
              "extensions": { "http": { "routePrefix": "", "maxOutstandingRequests": 1, "maxConcurrentRequests": 1 } }
            }
            """);
        await using var host = await StartAsync();
        using var api = host.Connect();
        using var endless = await api.SendAsync("/stream/count", """{"count":1000000000}""");

        Assert.Equal(HttpStatusCode.OK, endless.StatusCode);
        Assert.Equal("saturated", (await api.GetAsync("/operations")).Problem);
    }

    [OwnHostFact]
    public async Task A_file_that_is_not_json_is_refused_at_startup()
    {
        Write("host.json", "{ routePrefix }");
        await using var host = await LocalHostProcess.RunToEndAsync("http://127.0.0.1:0", Root);

        Assert.Equal(1, host.ExitCode);
        Assert.Contains("host.json is not valid JSON", host.Error, StringComparison.Ordinal);
    }

    private (string Key, string Value) Root => ("AzureWebJobsScriptRoot", _directory.FullName);

    private static async Task<string> DetailOfAsync(Api api, string path, string body) => (await api.PostAsync(path, body))["detail"].GetString()!;

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_directory.FullName, name), text);

    private Task<LocalHostProcess> StartAsync(params (string Key, string Value)[] settings) => LocalHostProcess.StartAsync([Root, .. settings]);
}
