using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.LocalHost;

/// <summary>The key that a host signs callbacks with, from one start to the next.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class SigningKeyTests : IDisposable
{
    private const string Key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory();

    private string Tasks => Path.Combine(_root.FullName, "data", "tasks");

    private string KeyFile => Path.Combine(Tasks, "signing-key");

    public void Dispose() => _root.Delete(recursive: true);

    [OwnHostFact]
    public async Task The_first_start_makes_a_key_and_the_next_keeps_it()
    {
        await using (var first = await StartAsync())
        {
            Assert.Contains($"Callbacks are signed with the key in {KeyFile}.", first.Output, StringComparison.Ordinal);
        }

        var key = await File.ReadAllTextAsync(KeyFile);
        await using var second = await StartAsync();

        Assert.Matches("^whsec_[0-9A-Za-z+/]{43}=\n$", key);
        Assert.Equal(key, await File.ReadAllTextAsync(KeyFile));
        Assert.DoesNotContain("whsec_", second.Output + second.Error, StringComparison.Ordinal);
    }

    [OwnHostFact(Needs.Signals)]
    public async Task Only_the_owner_may_read_it()
    {
        await using var host = await StartAsync();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(KeyFile));
    }

    [OwnHostFact]
    public async Task A_host_with_a_key_in_its_settings_makes_none()
    {
        await using var host = await StartAsync(("Callbacks__SigningKeys__0", Key));

        Assert.DoesNotContain("signed", host.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(KeyFile));
    }

    [OwnHostFact]
    public async Task A_file_without_a_key_stops_the_start_and_is_not_quoted()
    {
        Directory.CreateDirectory(Tasks);
        await File.WriteAllTextAsync(KeyFile, Key[..^4]);
        await using var host = await RunToEndAsync();

        Assert.Equal(1, host.ExitCode);
        Assert.Contains($"{KeyFile} holds no signing key", host.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("MfKQ9r8", host.Error + host.Output, StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task A_key_in_the_settings_that_is_none_stops_the_start_and_is_not_quoted()
    {
        await using var host = await RunToEndAsync(("Callbacks__SigningKeys__0", Key), ("Callbacks__SigningKeys__1", Key[..^4]));

        Assert.Equal(1, host.ExitCode);
        Assert.Contains("Callbacks:SigningKeys:1 has 21 bytes, not 24 to 64.", host.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("MfKQ9r8", host.Error + host.Output, StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task Where_no_file_can_be_the_host_starts_without_a_key_and_says_so()
    {
        await File.WriteAllTextAsync(Path.Combine(_root.FullName, "data"), "A file, and no directory.");
        await using var host = await StartAsync();
        using var api = host.Connect();

        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("health/live")).Status);
        Assert.DoesNotContain("signed", host.Output, StringComparison.Ordinal);

        // It was written before the answer, but comes by another pipe.
        while (!host.Error.Contains("There is no key to sign callbacks with", StringComparison.Ordinal))
        {
            await Task.Delay(10);
        }
    }

    private Task<LocalHostProcess> StartAsync(params (string Key, string Value)[] settings) => LocalHostProcess.StartAsync([("Tasks__Directory", Tasks), .. settings]);

    private Task<LocalHostProcess> RunToEndAsync(params (string Key, string Value)[] settings) =>
        LocalHostProcess.RunToEndAsync("http://127.0.0.1:0", [("Tasks__Directory", Tasks), .. settings]);
}
