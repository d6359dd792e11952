using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace FunctionsApp.LocalHost.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("-?")]
    public async Task Help_is_printed_and_nothing_is_started(string option)
    {
        await using var host = HostProcess.Start([option]);

        Assert.Equal(0, await host.EndAsync());
        var text = string.Join('\n', host.Lines);
        Assert.Contains("Usage: dotnet run --project <project> [-- <options>]\n       dotnet FunctionsApp.LocalHost.dll [<options>]", text, StringComparison.Ordinal);
        Assert.Contains("--port <port>", text, StringComparison.Ordinal);
        Assert.Contains("Tasks:Directory", text, StringComparison.Ordinal);
        Assert.Contains("\n  Cpu: Threads, MaxQueuedItems\n", text, StringComparison.Ordinal);
        Assert.Contains("MaxWatchers", text, StringComparison.Ordinal);

        // An app of one's own has no such page.
        Assert.DoesNotContain("docs/", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Listening", text, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(host.Folder));
    }

    [Fact]
    public async Task The_version_is_printed_and_nothing_is_started()
    {
        await using var host = HostProcess.Start(["--version"]);

        Assert.Equal(0, await host.EndAsync());
        Assert.Matches(@"^FunctionsApp\.LocalHost \d+\.\d+\.\d+$", Assert.Single(host.Lines));
    }

    [Fact]
    public async Task Help_passes_through_dotnet_run()
    {
        await using var run = HostProcess.Run(["run", "--no-build", "--project", Project, "-c", Configuration, "--", "--help"]);

        Assert.Equal(0, await run.EndAsync());
        Assert.Contains(run.Lines, static line => line.StartsWith("Usage: ", StringComparison.Ordinal));
    }

    /// <summary>Before its first line, a build takes minutes on a new machine.</summary>
    [Fact]
    public void Dotnet_run_says_at_once_that_it_builds_and_sets_nothing()
    {
        var settings = JsonDocument.Parse(File.ReadAllText(Path.Combine(Project, "Properties/launchSettings.json"))).RootElement;

        var profile = Assert.Single(settings.GetProperty("profiles").EnumerateObject()).Value;
        Assert.True(profile.GetProperty("dotnetRunMessages").GetBoolean());
        Assert.Equal(["commandName", "dotnetRunMessages"], profile.EnumerateObject().Select(static property => property.Name));
    }

    [Fact]
    public async Task A_mistyped_option_is_one_warning_with_the_nearest_name()
    {
        await using var host = HostProcess.Start(["--prot", "8080", "--Task:Directory", "elsewhere", "--Limits:MaxTimeoutSecond", "5", "-port", "1", "--nothing", "like it", "8080", "--last"], ("Tasks__Directry", "x"));
        await host.LineAsync("started: task engine");
        string[] expected =
        [
            "Unknown setting 'Limits:MaxTimeoutSecond'. Did you mean 'Limits:MaxTimeoutSeconds'?",
            "Unknown setting 'Tasks:Directry'. Did you mean 'Tasks:Directory'?",
            "Unknown setting 'prot'. Did you mean 'port'?",
            "Unknown setting 'Task:Directory'. Did you mean 'Tasks:Directory'?",
            "Unknown setting '-port'. Did you mean 'port'?",
            "Setting 'nothing' is unknown or unused",
            "Setting '8080' is unknown or unused",
            "Setting '--last (without a value)' is unknown or unused",
        ];
        var found = new List<string>();
        while (found.Count < expected.Length)
        {
            found.Add((await host.LineAsync("etting '")).Trim());
        }

        Assert.Equal(expected.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
        Assert.Equal(expected.Length, host.Lines.Count(static line => line.Contains(" warn: ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Settings_of_frameworks_and_those_that_are_read_are_no_warning()
    {
        await using var host = HostProcess.Start(
            [
                "--environment", "Development", "--contentRoot", "/", "--Logging:LogLevel:Default", "Debug", "--Logging:LogLevel:Microsoft", "Warning", "--Kestrel:EndpointDefaults:Protocols", "Http1",
                "--AzureFunctionsJobHost:extensions:http:routePrefix", "v1", "--Limits:MaxCalls=7", "--Outbound:AllowedHosts:0", "10.0.0.1", "--Tasks:Directory", "tasks", "--Host:MaxWatchers", "9",
            ],
            ("Logging__Something", "x"), ("OTEL_SOMETHING", "x"), ("AzureWebJobsSomething", "x"), ("Tusks__Directory", "x"), ("Host__FunctionKeys__0", "k"), ("HOST", "x"));
        await host.LineAsync("started: task engine");
        await host.ListeningAsync();
        host.Terminate();

        Assert.Equal(0, await host.EndAsync());
        Assert.DoesNotContain(host.Lines, static line => line.Contains("warn: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--port 8080 --urls http://127.0.0.1:1")]
    [InlineData("/port 8080 urls=x")]
    [InlineData("")]
    public void A_setting_counts_as_used_when_it_is_read(string args)
    {
        var commandLine = new CommandLine(args.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var configuration = new ConfigurationBuilder().Add(commandLine).Build();
        configuration["set later"] = "by code";
        var before = commandLine.FindUnknown(configuration).ToArray();

        Assert.Equal(args.Length == 0 ? [] : ["port", "urls"], before.Order());
        Assert.NotEqual(args.Length == 0, configuration["PORT"] is not null && configuration["urls"] is not null);
        Assert.Empty(commandLine.FindUnknown(configuration));
    }

    private static string Project => Path.Combine(Repository.Root, "src/FunctionsApp.LocalHost");

    private static string Configuration => new DirectoryInfo(Repository.Assembly("x")).Parent!.Parent!.Name;
}
