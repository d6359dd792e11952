using System.Globalization;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Webhooks;
using Xunit.Abstractions;

namespace FunctionsApp.IntegrationTests.Tasks;

/// <summary>
/// Hosts are killed one after the other on the same directory, at random moments, while tasks of every kind are created. At
/// the end every task that was accepted is accounted for, and every webhook.
/// </summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class TaskCrashTests(ITestOutputHelper output)
{
    private const int Clients = 6;
    private const int RequestsOfClient = 5;

    private static readonly int Seed = Setting("TASK_CRASH_SEED", 20_261);
    private static readonly int Rounds = Setting("TASK_CRASH_ROUNDS", Hosts.AreTestHosts ? 6 : 12);

    [OwnHostFact]
    public async Task No_accepted_task_is_lost_when_the_host_is_killed_at_random()
    {
        using var directory = new TaskDirectory();
        await using var receiver = await WebhookReceiver.StartAsync();
        var ledger = new TaskLedger(receiver);

        // Enough attempts that no receiver is given up, however often the last of them is cut off.
        (string, string)[] settings = WebhookFixture.Settings([0, .. Enumerable.Repeat(0.2, 30)]);
        var round = 0;
        try
        {
            var random = new Random(Seed);
            for (; round < Rounds; round++)
            {
                await using var host = directory.Launch(settings);

                // One in four has no time to listen, or to recover.
                if (random.Next(4) == 0)
                {
                    await Task.Delay(random.Next(500));
                }
                else
                {
                    await host.ListeningAsync();
                    await LiveAsync(host, ledger, random);
                }

                await host.KillAsync();
            }

            await using (var last = await directory.StartAsync(settings))
            {
                using var api = last.Connect();
                await ledger.RepeatAsync(api);
                await ledger.EndAsync(api);
                await last.KillAsync();
            }

            // What has ended, and was delivered, is as it was after one more start.
            await using var after = await directory.StartAsync(settings);
            using var again = after.Connect();
            await ledger.AccountAsync(again);
            output.WriteLine(ledger.ToString());
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException(FormattableString.Invariant($"TASK_CRASH_SEED={Seed}, in round {round} of TASK_CRASH_ROUNDS={Rounds}."), exception);
        }
    }

    /// <summary>The life of a host: clients send requests, one after the other each, until they are done or it is killed.</summary>
    private static async Task LiveAsync(AppHost host, TaskLedger ledger, Random random)
    {
        using var api = host.Connect();
        await ledger.ObserveAsync(api);
        await ledger.RepeatAsync(api);

        var works = Enumerable.Range(0, Clients * RequestsOfClient).Select(_ => ledger.NewWork(random)).ToArray();
        var clients = works.Chunk(RequestsOfClient).Select(async chunk =>
        {
            foreach (var work in chunk)
            {
                await ledger.SendAsync(api, work);
            }
        }).Append(ledger.WatchAsync(api)).ToArray();

        await Task.Delay(random.Next(700));
        await host.KillAsync();
        await Task.WhenAll(clients);
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
