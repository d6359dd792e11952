using System.Globalization;
using System.Net;
using System.Net.Sockets;
using FunctionsApp.AttackTests.Hosting;
using FunctionsApp.AttackTests.Wire;
using Xunit.Abstractions;

namespace FunctionsApp.AttackTests;

/// <summary>Attacks by what the host is sent to fetch.</summary>
public sealed class Outbound(AttackedHost hosts, ITestOutputHelper output) : Hosting.AttackTests(hosts, output)
{
    [AttackFact]
    public Task A_gather_of_large_responses_is_refused_with_a_problem() => AttackAsync(static async attack =>
    {
        using var receiver = new Receiver(9 << 20);
        var calls = Body.Array("""{"calls":""", $$$"""{"operation":"http.request","input":{"url":"{{{receiver.Url}}}"}}""", 400);
        attack.Expect("A gather of 400 answers of 9 MiB", [await attack.PostAsync("gather", calls)], Reply.TooLarge, Reply.Saturated);
    });

    [AttackFact]
    public Task Maps_of_calls_that_are_never_answered_hold_a_bounded_number_of_them() => AttackAsync(static async attack =>
    {
        // It accepts nothing, so the system connects callers to it, and nobody answers them.
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start(backlog: 4_096);
        var line = $$$"""{"method":"POST","url":"http://{{{mute.LocalEndpoint}}}/","body":"{{{new string('a', 1_000)}}}"}""";
        await UploadAsync(attack, "map/http.request?maxConcurrency=1000", line);
    });

    [AttackFact]
    public Task Maps_of_calls_whose_reader_never_reads_hold_a_bounded_number_of_results() => AttackAsync(static attack =>
        UploadAsync(attack, "map/echo?maxConcurrency=1000", $"\"{new string('a', 100_000)}\""));

    /// <summary>Uploads lines for some seconds to several maps whose results nobody reads, until the host takes no more.</summary>
    private static async Task UploadAsync(Attack attack, string path, string line)
    {
        const int Maps = 4;
        const long Bytes = 1L << 30;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(attack.Limit);
        var sent = new long[Maps];
        var uploads = Attack.AtOnceAsync(Maps, async i =>
        {
            var connection = await attack.OpenAsync();
            await connection.SendHeadAsync("POST", path, "Content-Type: application/x-ndjson", $"Content-Length: {Bytes}");
            foreach (var piece in Body.Of("").Repeat(line + "\n", Bytes / line.Length).Pieces())
            {
                await connection.SendAsync(piece, enough.Token);
                Interlocked.Add(ref sent[i], piece.Length);
            }

            return true;
        });

        // What is bounded comes to a halt.
        for (var (seen, halts) = (0L, 0); halts < 10; halts = seen == sent.Sum() ? halts + 1 : 0)
        {
            seen = sent.Sum();
            await Task.Delay(200, attack.Limit);
        }

        attack.Print(string.Create(CultureInfo.InvariantCulture, $"The host took {sent.Sum():n0} bytes of {Maps} uploads."));
        Assert.InRange(sent.Sum(), 1, Maps * 32L << 20);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => uploads);
    }
}
