using System.Globalization;
using System.Net;
using System.Net.Sockets;
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
            await CopyAsync(clone);
            await PasteAsync("docs/getting-started.md", clone, folder.FullName);

            // The analyzers have seen the code of this repository by now, and do not bind an app of one's own.
            await PasteAsync("docs/own-app.md", clone, folder.FullName, "export RunAnalyzers=false");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Runs the blocks of a page. A block that runs a host is for a terminal of its own: the next such block ends it.</summary>
    private async Task PasteAsync(string page, string clone, string folder, string before = "")
    {
        await using var shell = new Shell(clone);
        await shell.RunAsync(before.Length == 0 ? ":" : before);

        // What the page installs is gone with the folder. Packages of the same version may be left of an earlier run.
        await shell.RunAsync($$"""
            rm -rf "${NUGET_PACKAGES:-$HOME/.nuget/packages}"/functionsapp "${NUGET_PACKAGES:-$HOME/.nuget/packages}"/functionsapp.*
            export DOTNET_CLI_HOME='{{folder}}/cli' MSBUILDDISABLENODEREUSE=1 Tasks__Directory='{{folder}}/tasks' PORT={{FreePort()}}
            """);
        var address = $"http://127.0.0.1:{(await shell.RunAsync("echo $PORT")).Trim()}";
        foreach (var (commands, output) in Page.Read(page))
        {
            log.WriteLine($"{DateTimeOffset.UtcNow:T} {commands.Split('\n')[0]}");
            if (commands.StartsWith("dotnet run", StringComparison.Ordinal))
            {
                await shell.RunAsync($$"""
                    if [ -n "$host" ]; then kill -- -$host; while kill -0 -- -$host 2> /dev/null; do sleep 0.1; done; fi
                    setsid {{commands.Trim()}} > '{{folder}}/host.log' 2>&1 < /dev/null & host=$!
                    until curl -sf {{address}}/api/health/ready > /dev/null; do sleep 0.2; kill -0 $host || { cat '{{folder}}/host.log' >&2; exit 1; }; done
                    """);
                continue;
            }

            var printed = await shell.RunAsync(commands.Replace(Page.Address, address, StringComparison.Ordinal));
            if (output is not null)
            {
                Page.AssertPrinted(output, printed);
            }
        }

        await shell.RunAsync("kill -- -$host");
    }

    /// <summary>Copies what belongs to the repository: what git knows or would add.</summary>
    private static async Task CopyAsync(string clone)
    {
        await using var shell = new Shell(Repository.Root);
        await shell.RunAsync($"mkdir '{clone}' && git ls-files -z -co --exclude-standard --deduplicate | xargs -0 cp -P --parents -t '{clone}' && git -C '{clone}' init -q");
    }

    private static string FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
    }
}
