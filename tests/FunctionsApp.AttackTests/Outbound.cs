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
}
