using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Configuration;

namespace FunctionsApp.LocalHost.Tests;

public sealed class SigningKeyFileTests : IDisposable
{
    private const string Key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory();

    private string DefaultFile => Path.Combine(_root.FullName, "data", "tasks", "signing-key");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void A_key_is_made_once_and_kept()
    {
        var first = Start();
        var second = Start();

        Assert.Null(SigningKey.Fault(first.Key));
        Assert.Equal((first.Key, first.Key + "\n"), (second.Key, File.ReadAllText(DefaultFile)));
        Assert.Equal([DefaultFile], Directory.GetFiles(Path.GetDirectoryName(DefaultFile)!));
    }

    [Fact]
    public void It_is_told_where_the_key_lies_and_not_what_it_is()
    {
        var started = Start();

        Assert.Equal(($"Callbacks are signed with the key in {DefaultFile}.", ""), (started.Output.TrimEnd(), started.Error));
    }

    [Fact]
    public void The_key_lies_where_the_tasks_do()
    {
        var elsewhere = Path.Combine(_root.FullName, "elsewhere");

        Start(("Tasks:Directory", elsewhere));
        Start(("Tasks:Directory", "below/here"));

        Assert.True(File.Exists(Path.Combine(elsewhere, "signing-key")));
        Assert.True(File.Exists(Path.Combine(_root.FullName, "below", "here", "signing-key")));
        Assert.False(File.Exists(DefaultFile));
    }

    [Fact]
    public void With_a_key_in_the_settings_there_is_no_file()
    {
        var started = Start(("Callbacks:SigningKeys:1", Key));

        Assert.Equal((null, "", ""), (started.Key, started.Output, started.Error));
        Assert.Empty(_root.GetFileSystemInfos());
    }

    [UnixFact]
    public void Only_the_owner_may_look_at_it()
    {
        Start();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, Mode(DefaultFile));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, Mode(Path.GetDirectoryName(DefaultFile)!));
    }

    [UnixFact]
    public void What_others_may_do_with_a_file_that_is_there_is_taken_from_them()
    {
        Write(Key);
        SetMode(DefaultFile, Mode(DefaultFile) | UnixFileMode.GroupRead | UnixFileMode.OtherRead | UnixFileMode.OtherWrite);

        Assert.Equal(Key, Start().Key);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, Mode(DefaultFile));
    }

    [Theory]
    [InlineData(Key)]
    [InlineData(Key + "\n")]
    [InlineData(Key + "\r\n")]
    public void A_key_that_was_put_there_is_taken(string content)
    {
        Write(content);

        Assert.Equal(Key, Start().Key);
    }

    [Theory]
    [InlineData("", "does not start with whsec_")]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not start with whsec_")]
    [InlineData("whsec_MfKQ9r8G", "has 6 bytes, not 24 to 64")]
    [InlineData(Key + "\n" + Key, "is not base64 after whsec_")]
    public void A_file_without_a_key_stops_the_start_and_is_not_quoted(string content, string fault)
    {
        Write(content);

        var message = Assert.Throws<InvalidOperationException>(() => Start()).Message;

        Assert.Equal($"{DefaultFile} holds no signing key: what it holds {fault}. Delete it to have a new one made, or set Callbacks:SigningKeys.", message);
        Assert.Equal(content, File.ReadAllText(DefaultFile));
    }

    [Fact]
    public void Where_no_file_can_be_there_is_no_key_and_that_is_told()
    {
        File.WriteAllText(Path.Combine(_root.FullName, "data"), "A file, and no directory.");

        var started = Start();

        Assert.Equal((null, ""), (started.Key, started.Output));
        Assert.StartsWith("There is no key to sign callbacks with, so none is delivered to a URL: ", started.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_that_leads_nowhere_is_left_alone()
    {
        Write(Key);
        File.Move(DefaultFile, DefaultFile + ".moved");
        File.CreateSymbolicLink(DefaultFile, DefaultFile + ".gone");

        Assert.Null(Start().Key);
        Assert.Equal(2, Directory.GetFileSystemEntries(Path.GetDirectoryName(DefaultFile)!).Length);
    }

    [Fact]
    public void Hosts_that_start_at_once_have_one_key()
    {
        for (var round = 0; round < 20; round++)
        {
            var directory = Path.Combine(_root.FullName, round.ToString(System.Globalization.CultureInfo.InvariantCulture));
            var keys = new string?[8];
            using var start = new Barrier(keys.Length);
            Thread[] hosts = [.. keys.Select((_, index) => new Thread(() =>
            {
                start.SignalAndWait();
                keys[index] = Start(("Tasks:Directory", directory)).Key;
            }))];
            Array.ForEach(hosts, static host => host.Start());
            Array.ForEach(hosts, static host => host.Join());

            Assert.Single(keys.Distinct());
            Assert.Equal(keys[0], File.ReadAllText(Path.Combine(directory, "signing-key")).Trim());
            Assert.Single(Directory.GetFiles(directory));
        }
    }

    private static UnixFileMode Mode(string path) => OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path);

    private static void SetMode(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, mode);
        }
    }

    private void Write(string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(DefaultFile)!);
        File.WriteAllText(DefaultFile, content);
    }

    private (string? Key, string Output, string Error) Start(params (string Key, string Value)[] settings)
    {
        using var configuration = new ConfigurationManager();
        configuration.AddInMemoryCollection(settings.Select(static setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        using var output = new StringWriter();
        using var error = new StringWriter();
        SigningKeyFile.AddTo(configuration, _root.FullName, output, error);
        return (configuration["Callbacks:SigningKeys:0"], output.ToString(), error.ToString());
    }
}

/// <summary>A test of what only Unix has.</summary>
public sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute() => Skip = OperatingSystem.IsWindows() ? "Windows has other permissions." : null;
}
