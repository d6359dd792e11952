using FunctionsApp.IntegrationTests.Hosting;
using Xunit.Abstractions;

namespace FunctionsApp.IntegrationTests;

/// <summary>The first hour of a newcomer: the pages are pasted into a shell, block by block, in a copy of the repository.</summary>
public sealed class FirstHourTests(ITestOutputHelper log)
{
    [ToolsFact]
    public async Task The_pages_for_newcomers_work_as_pasted()
    {
        var folder = Directory.CreateTempSubdirectory("first-hour-");
        try
        {
            var clone = Path.Combine(folder.FullName, "clone");
            await CopyAsync(clone, Path.Combine(folder.FullName, "packages"));

            // The analyzers have seen the code of this repository, but not what the page adds. They do not bind an app of one's own.
            await PasteAsync("docs/getting-started.md", clone, folder.FullName, afterFirstRun: "unset RunAnalyzers");
            await PasteAsync("docs/own-app.md", clone, folder.FullName);
            await BuildAppAsync("Acme.My-Team", folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Runs the blocks of a page. A block that runs a host is for a terminal of its own: the next such block ends it.</summary>
    private async Task PasteAsync(string page, string clone, string folder, string afterFirstRun = ":")
    {
        await using var shell = new Shell(clone);

        await shell.RunAsync(Settings(folder));
        await shell.RunAsync("""
            stop() { kill -- -$host; while kill -0 -- -$host 2> /dev/null; do sleep 0.1; done; }
            """);
        var address = Page.Address;
        foreach (var (commands, output) in Page.Read(page))
        {
            log.WriteLine($"{DateTimeOffset.UtcNow:T} {commands.Split('\n')[0]}");
            if (commands.StartsWith("dotnet run", StringComparison.Ordinal))
            {
                address = (await shell.RunAsync($$"""
                    if [ -n "$host" ]; then stop; fi
                    rm -f '{{folder}}/host.log'
                    setsid {{commands.Trim()}} > '{{folder}}/host.log' 2>&1 < /dev/null & host=$!
                    until grep -qs '^Listening on ' '{{folder}}/host.log'; do sleep 0.2; kill -0 $host || { cat '{{folder}}/host.log' >&2; exit 1; }; done
                    sed -n 's/^Listening on \(.*\)\. Stop .*/\1/p' '{{folder}}/host.log'
                    {{afterFirstRun}}
                    """)).Trim();
                continue;
            }

            var printed = await shell.RunAsync(commands.Replace(Page.Address, address, StringComparison.Ordinal));
            if (output is not null)
            {
                Page.AssertPrinted(output, printed);
            }
        }

        log.WriteLine($"{DateTimeOffset.UtcNow:T} The end.");
        await shell.RunAsync("stop");
    }

    /// <summary>Makes and builds an app whose name is no identifier of C#, on the packages that the page has made.</summary>
    private static async Task BuildAppAsync(string name, string folder)
    {
        await using var shell = new Shell(folder);
        await shell.RunAsync(Settings(folder));
        await shell.RunAsync($"dotnet new asyncio-http -o {name} && cp Team/nuget.config {name} && dotnet build {name}");
    }

    private static string Settings(string folder) => $"""
        export DOTNET_CLI_HOME='{folder}/cli' DOTNET_GENERATE_ASPNET_CERTIFICATE=false MSBUILDDISABLENODEREUSE=1 RunAnalyzers=false
        export NUGET_PACKAGES='{folder}/packages' Configuration=Release PORT=0 Tasks__Directory='{folder}/tasks'
        """;

    /// <summary>Copies what belongs to the repository: what git knows or would add. What the pages install is gone with the folder.</summary>
    private static async Task CopyAsync(string clone, string packages)
    {
        await using var shell = new Shell(Repository.Root);
        await shell.RunAsync($$"""
            mkdir '{{clone}}' && git ls-files -z -co --exclude-standard --deduplicate | xargs -0 cp -P --parents -t '{{clone}}' && git -C '{{clone}}' init -q
            """);
        await shell.RunAsync($$"""
            mkdir '{{packages}}' && ln -s "${NUGET_PACKAGES:-$HOME/.nuget/packages}"/* -t '{{packages}}' && rm -f '{{packages}}'/functionsapp*
            """);
    }
}
