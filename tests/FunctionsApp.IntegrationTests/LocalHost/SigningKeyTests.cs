using System.Net;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Webhooks;
using Microsoft.Data.Sqlite;

namespace FunctionsApp.IntegrationTests.LocalHost;

/// <summary>The key that a host signs callbacks with, from one start to the next.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class SigningKeyTests : IDisposable
{
    private const string Key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory();

    private string Tasks => Path.Combine(_root.FullName, "data", "tasks");

    private string Database => Path.Combine(Tasks, "tasks.db");

    public void Dispose() => _root.Delete(recursive: true);

    [OwnHostFact]
    public async Task The_first_start_generates_a_key_that_signs_and_the_next_keeps_it()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var keys = new List<string>();
        foreach (var id in new[] { "first", "second" })
        {
            await using var host = await StartAsync(("Outbound__AllowedHosts__0", "127.0.0.1"));
            using var api = host.Connect();
            await api.CreateIdAsync("echo", """{"value":1}""", $$"""
                "onSuccess":{"url":"{{receiver.Url(id, "/taken")}}"}
                """);
            var webhook = (await receiver.ArrivalAsync(id))[0];

            // What it prints is how to show the key, not the key.
            await Eventually.SeeAsync(() => Task.FromResult(host.Output), output => output.Contains($"sqlite3 '{Database}' 'SELECT key FROM signing_keys'", StringComparison.Ordinal), "How to show the key");
            Assert.DoesNotContain("whsec_", host.Output + host.Error, StringComparison.Ordinal);
            keys.Add(ReadKey());
            Assert.Null(WebhookVerifier.FindError(keys[^1], webhook));
        }

        Assert.Matches("^whsec_[0-9A-Za-z+/]{43}=$", keys[0]);
        Assert.Equal(keys[0], keys[1]);
    }

    [OwnHostFact(Needs.Signals)]
    public async Task Only_the_owner_can_read_the_files_of_the_directory()
    {
        await using var host = await StartAsync();
        using var api = host.Connect();
        await api.EndAsync(await api.CreateIdAsync("echo", """{"value":1}"""));

        var files = Directory.GetFiles(Tasks);
        Assert.Equal(["lock", "tasks.db", "tasks.db-shm", "tasks.db-wal"], files.Select(Path.GetFileName).Order());
        Assert.All(files, static file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, Mode(file)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, Mode(Tasks));
    }

    [OwnHostFact]
    public async Task A_host_with_a_key_in_its_settings_generates_none()
    {
        await using var host = await StartAsync(("Callbacks__SigningKeys__0", Key));
        using var api = host.Connect();
        await api.EndAsync(await api.CreateIdAsync("echo", """{"value":1}"""));

        Assert.DoesNotContain("signed", host.Output, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => ReadKey());
    }

    [OwnHostFact]
    public async Task An_invalid_key_in_the_settings_stops_the_startup_and_is_not_quoted()
    {
        await using var host = await RunToEndAsync(("Callbacks__SigningKeys__0", Key), ("Callbacks__SigningKeys__1", Key[..^4]));

        Assert.Equal(1, host.ExitCode);
        Assert.Contains("Callbacks:SigningKeys:1 has 21 bytes, not 24 to 64.", host.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("MfKQ9r8", host.Error + host.Output, StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task Without_a_database_the_host_starts_refuses_tasks_and_logs_it()
    {
        await File.WriteAllTextAsync(Path.Combine(_root.FullName, "data"), "A file, and no directory.");
        await using var host = await StartAsync();
        using var api = host.Connect();

        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("health/live")).Status);
        foreach (var body in new[] { """{"input":{"value":1}}""", """{"input":{"value":1},"onSuccess":{"url":"https://example.com/"}}""" })
        {
            var response = await api.PostAsync("tasks/echo", body);
            Assert.Equal((HttpStatusCode.InsufficientStorage, "storage-failed"), (response.Status, response.Problem));
        }

        Assert.DoesNotContain("signed", host.Output, StringComparison.Ordinal);
        await Eventually.SeeAsync(() => Task.FromResult(host.Output), output => output.Contains(Tasks, StringComparison.Ordinal), "The directory in the log");
    }

    private static UnixFileMode Mode(string path) => OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path);

    private string ReadKey()
    {
        using var connection = new SqliteConnection($"Data Source={Database};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT key FROM signing_keys";
        return command.ExecuteScalar() as string ?? throw new InvalidOperationException("There is no key.");
    }

    private Task<LocalHostProcess> StartAsync(params (string Key, string Value)[] settings) => LocalHostProcess.StartAsync([("Tasks__Directory", Tasks), .. settings]);

    private Task<LocalHostProcess> RunToEndAsync(params (string Key, string Value)[] settings) =>
        LocalHostProcess.RunToEndAsync("http://127.0.0.1:0", [("Tasks__Directory", Tasks), .. settings]);
}
