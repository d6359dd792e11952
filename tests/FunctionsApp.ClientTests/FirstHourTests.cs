using System.Net.Http.Json;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.TestHost;
using Xunit.Abstractions;

namespace FunctionsApp.IntegrationTests;

/// <summary>The first hour of a newcomer: the pages are pasted into a shell, block by block, in a copy of the repository.</summary>
public sealed class FirstHourTests(ITestOutputHelper log) : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("first-hour-");
    private string _address = Page.Address;

    private string Clone => Path.Combine(_folder.FullName, "clone");

    [FirstHourFact]
    public async Task The_pages_for_newcomers_work_as_pasted()
    {
        await CopyAsync();
        await using var shell = new Shell(Clone);
        await shell.RunAsync($$"""
            export DOTNET_CLI_HOME='{{_folder}}/cli' DOTNET_GENERATE_ASPNET_CERTIFICATE=false MSBUILDDISABLENODEREUSE=1 RunAnalyzers=false
            export NUGET_PACKAGES='{{_folder}}/packages' Configuration=Release PORT=0 Tasks__Directory='{{_folder}}/tasks'
            stop() { kill -- -$host; while kill -0 -- -$host 2> /dev/null; do sleep 0.1; done; }
            """);

        await PasteAsync("README.md", shell);
        await PasteAsync("clients/python/README.md", shell);
        var (program, output) = Page.ReadProgram("clients/python/README.md");
        Page.AssertPrinted(output, await RunAsync($"env -u PYTHONPATH .venv/bin/python - <<'END'\n{program}END", shell));
        await PasteAsync("docs/getting-started.md", shell);
        await PasteAsync("docs/own-app.md", shell);
        await RunAsync("stop", shell);

        await CallPublishedAsync(Path.Combine(_folder.FullName, "Team", "publish"));
        Assert.Equal("Team", HubOf("Team"));

        // It is no identifier of C#, no name of a hub, and ends as the generated method does.
        const string Name = "Acme.My-Team.Operations";
        await RunAsync($"cd .. && dotnet new asyncio-http -o {Name} && cp Team/nuget.config {Name} && dotnet build {Name}", shell);
        Assert.Equal("AcmeMyTeamOperations", HubOf(Name));
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Runs the blocks of a page. A block that runs a host is for a terminal of its own: the next such block ends it.</summary>
    private async Task PasteAsync(string page, Shell shell)
    {
        foreach (var (commands, output) in Page.Read(page))
        {
            // The tests of this repository are not part of themselves.
            if (page == "README.md" && commands == "dotnet test\n")
            {
                continue;
            }

            if (commands.StartsWith("dotnet run", StringComparison.Ordinal))
            {
                _address = (await RunAsync($$"""
                    if [ -n "$host" ]; then stop; fi
                    rm -f '{{_folder}}/host.log'
                    setsid {{commands.Trim()}} > '{{_folder}}/host.log' 2>&1 < /dev/null & host=$!
                    until grep -qs '^Listening on ' '{{_folder}}/host.log'; do sleep 0.2; kill -0 $host || { cat '{{_folder}}/host.log' >&2; exit 1; }; done
                    sed -n 's/^Listening on \(.*\)\. Stop .*/\1/p' '{{_folder}}/host.log'
                    """, shell)).Trim();
                continue;
            }

            var printed = await RunAsync(commands, shell);
            if (output is not null)
            {
                Page.AssertPrinted(output, printed);
            }
        }
    }

    private async Task<string> RunAsync(string commands, Shell shell)
    {
        log.WriteLine($"{DateTimeOffset.UtcNow:T} {commands.Split('\n')[0]}");
        return await shell.RunAsync(commands.Replace(Page.Address, _address, StringComparison.Ordinal));
    }

    /// <summary>Calls the worker of an app of one's own, as it is deployed.</summary>
    private async Task CallPublishedAsync(string package)
    {
        await using var host = await FunctionsTestHost.StartAsync(new TestHostOptions
        {
            PackageDirectory = package,
            Settings = new Dictionary<string, string> { ["Tasks__Directory"] = Path.Combine(_folder.FullName, "worker-tasks") },
            StartTimeout = TimeSpan.FromMinutes(3),
        });
        using var http = new HttpClient { BaseAddress = host.BaseAddress };

        using var response = await http.PostAsJsonAsync("api/await/text.reverse", new { text = "stressed" });

        Assert.Contains("\"result\":\"desserts\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    /// <summary>The task hub of an app, which no other app of its storage account may have.</summary>
    private string? HubOf(string app)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder.FullName, app, "host.json")));
        return json.RootElement.GetProperty("extensions").GetProperty("durableTask").GetProperty("hubName").GetString();
    }

    /// <summary>Copies what belongs to the repository: what git knows or would add. What the pages install is gone with the folder.</summary>
    private async Task CopyAsync()
    {
        await using var shell = new Shell(Repository.Root);
        await shell.RunAsync($$"""
            mkdir '{{Clone}}' && git ls-files -z -co --exclude-standard --deduplicate | xargs -0 cp -P --parents -t '{{Clone}}' && git -C '{{Clone}}' init -q
            """);
        await shell.RunAsync($$"""
            mkdir '{{_folder}}/packages' && ln -s "${NUGET_PACKAGES:-$HOME/.nuget/packages}"/* -t '{{_folder}}/packages' && rm -f '{{_folder}}/packages'/functionsapp*
            """);

        // The analyzers have seen this repository. They have not seen what a page adds to one project.
        await File.WriteAllTextAsync(
            Path.Combine(Clone, "src", "FunctionsApp.Operations", "FunctionsApp.Operations.csproj.user"),
            "<Project><PropertyGroup><RunAnalyzers>true</RunAnalyzers></PropertyGroup></Project>");
    }
}

/// <summary>A test that runs what a newcomer types.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FirstHourFactAttribute : FactAttribute
{
    /// <inheritdoc/>
    public override string? Skip =>
        OperatingSystem.IsLinux() ? ToolsTheoryAttribute.Missing : "Starts the package of an app, which is for Linux, and uses its setsid and cp.";
}
