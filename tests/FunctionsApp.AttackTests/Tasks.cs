using FunctionsApp.AttackTests.Hosting;
using FunctionsApp.AttackTests.Wire;
using Xunit.Abstractions;

namespace FunctionsApp.AttackTests;

/// <summary>Attacks by tasks and those who wait for them.</summary>
public sealed class Tasks(AttackedHost hosts, ITestOutputHelper output) : Hosting.AttackTests(hosts, output)
{
    [AttackFact]
    public Task Many_clients_can_read_large_results_at_once() => AttackAsync(static async attack =>
    {
        const int Bytes = (10 << 20) - 100;
        var task = await attack.PostAsync("tasks/echo", Body.Text("""{"input":{"value":""", Bytes).Then("}"));
        attack.Expect("A task with a result of 10 MiB", [task], "202");
        var path = "tasks/" + task.Json.GetProperty("id").GetString();
        attack.Expect("Its end", [await attack.SendAsync("GET", path + "?waitSeconds=30")], Reply.Ok);

        var replies = await Attack.AtOnceAsync(60, _ => attack.SendAsync("GET", path));
        attack.Expect("60 reads of it", replies, Reply.Ok);
        Assert.All(replies, static reply => Assert.InRange(reply.Length, Bytes - 100, Bytes + 4_096));
    });

    [AttackFact]
    public Task Idle_watchers_do_not_delay_other_requests() => AttackAsync(static async attack =>
    {
        var task = await attack.PostAsync("tasks/delay", Body.Of("""{"input":{"seconds":600}}"""));
        attack.Expect("A long task", [task], "202");
        var path = "tasks/" + task.Json.GetProperty("id").GetString();

        var watching = Attack.AtOnceAsync(1_000, i => attack.ExchangeAsync(
            connection => connection.SendHeadAsync("GET", path + (i % 2 == 0 ? "/events" : "?waitSeconds=200"))));
        await Task.Delay(TimeSpan.FromSeconds(3), attack.Limit);
        Assert.False(watching.IsCompleted, "The watchers wait no more.");

        // The task is cancelled beside them, and that is what they hear.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        attack.Expect("DELETE beside 1,000 watchers",
            [await attack.ExchangeAsync(connection => connection.SendHeadAsync("DELETE", path), patience.Token)], "202");
        attack.Expect("1,000 watchers", await watching, Reply.Ok);
    });
}
