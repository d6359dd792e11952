using System.Globalization;
using FunctionsApp.AttackTests.Hosting;
using FunctionsApp.AttackTests.Wire;
using Xunit.Abstractions;

namespace FunctionsApp.AttackTests;

/// <summary>Attacks by what is sent, and by how.</summary>
public sealed class Bodies(AttackedHost hosts, ITestOutputHelper output) : Hosting.AttackTests(hosts, output)
{
    private const int Nine = 9 << 20;
    private const int Ten = 10 << 20;

    [AttackFact]
    public Task Senders_that_stop_in_the_middle_of_a_body_get_a_request_timeout() => AttackAsync(static async attack =>
    {
        var body = Body.Text("""{"value":""", 10_000_000);
        var replies = await Attack.AtOnceAsync(400, _ =>
            attack.ExchangeAsync(connection => connection.PostAsync("await/echo", body, bytes: 1 << 20)));
        attack.Expect("400 bodies that stop after 1 MiB", replies, Reply.RequestTimeout, Reply.Saturated);
    });

    [AttackFact]
    public Task Large_echoes_succeed_while_they_fit_in_memory() => AttackAsync(static async attack =>
    {
        var body = Body.Text("""{"value":""", Nine);
        var replies = await Attack.AtOnceAsync(30, _ => attack.PostAsync("await/echo", body));

        // A sender that the machine keeps from sending is slow, too.
        attack.Expect("30 echoes of 9 MiB", replies, Reply.Ok, Reply.Saturated, Reply.RequestTimeout);
        Assert.Contains(replies, static reply => reply.Summary == Reply.Ok);
    });

    [AttackFact]
    public Task Bodies_of_empty_arrays_succeed_or_are_refused_with_a_problem() => AttackAsync(static async attack =>
    {
        var body = Body.Array("""{"value":""", "[]", (Ten - 16) / 3);
        var replies = await Attack.AtOnceAsync(20, _ => attack.PostAsync("await/echo", body));
        attack.Expect("20 echoes of 10 MiB of []", replies, Reply.Named);
    });

    [AttackFact]
    public Task Large_texts_to_count_succeed_or_are_refused_with_a_problem() => AttackAsync(static async attack =>
    {
        var body = Body.Text("""{"text":""", Ten, "be or not to ");
        var replies = await Attack.AtOnceAsync(20, _ => attack.PostAsync("await/text.count", body));
        attack.Expect("20 text.count of 10 MiB", replies, Reply.Named);
    });

    [AttackFact]
    public Task Lines_that_never_end_do_not_affect_other_requests() => AttackAsync(static async attack =>
    {
        // A pause is the right of an NDJSON upload. The memory of others is not.
        var line = Body.Of("\"").Repeat("a", Nine);
        var chunk = string.Create(CultureInfo.InvariantCulture, $"{line.Length:x}\r\n");
        using var pause = CancellationTokenSource.CreateLinkedTokenSource(attack.Limit);
        var holding = Attack.AtOnceAsync(200, _ => attack.ExchangeAsync(
            async connection =>
            {
                await connection.SendHeadAsync("POST", "map/hash", "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked");
                await connection.SendAsync(chunk);
                await connection.SendAsync(line);
            },
            pause.Token));

        // By now there is room for others.
        await Task.Delay(TimeSpan.FromSeconds(8), attack.Limit);
        var reply = await attack.PostPatientlyAsync("await/echo", Body.Text("""{"value":""", 1 << 20));
        attack.Expect("An honest echo of 1 MiB beside them", [reply], Reply.Ok);
        await pause.CancelAsync();
        attack.Expect("200 lines of 9 MiB without an end", await holding,
            [.. Reply.Named.Skip(1), "200, then saturated", "200, then too-large", "200, then request-timeout", "200, unfinished", "no answer"]);
    });

    [AttackFact]
    public Task Responses_that_nobody_reads_do_no_harm() => AttackAsync(static async attack =>
    {
        var body = Body.Text("""{"value":""", Nine);
        var replies = await Attack.AtOnceAsync(40, async i =>
        {
            var connection = await attack.OpenAsync();
            _ = connection.PostAsync("await/echo", body);
            await Task.Delay(TimeSpan.FromSeconds(7), attack.Limit);
            return await connection.ReadAsync();
        });

        // A client that reads nothing may be taken for gone, in the middle of its answer.
        attack.Expect("40 echoes of 9 MiB, not read for 7 s", replies, Reply.Ok, Reply.Saturated, Reply.RequestTimeout, "200, cut");
    });

    [AttackFact]
    public Task A_chunk_size_that_overflows_is_a_bad_request() => AttackAsync(static async attack =>
    {
        var replies = await Attack.AtOnceAsync(20, i => attack.ExchangeAsync(async connection =>
        {
            await connection.SendHeadAsync("POST", "await/echo", "Content-Type: application/json", "Transfer-Encoding: chunked");
            await connection.SendAsync(new string('F', 8 + i) + "\r\n{\"value\":1}");
        }));
        attack.Expect("20 chunk sizes that overflow", replies, "400 bad-request", Reply.TooLarge);
    });
}
