using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Problems;

public sealed class NearestNamesTests
{
    private static readonly string[] Known = ["port", "urls", "Tasks:Directory", "Tasks:MaxRunning", "Limits:MaxCalls", "primes.count"];

    [Theory]
    [InlineData("prot", "port")] // a swap of neighbours counts as one edit
    [InlineData("PORT", "port")]
    [InlineData("url", "urls")]
    [InlineData("Tasks:Directry", "Tasks:Directory")]
    [InlineData("task:directory", "Tasks:Directory")]
    [InlineData("MaxCalls", "Limits:MaxCalls")]
    [InlineData("count", "primes.count")]
    [InlineData("nothing", null)]
    [InlineData("", null)]
    public void The_nearest_name_is_found_if_one_is_near(string name, string? expected) =>
        Assert.Equal(expected, NearestNames.Of(name, Known) is [var nearest, ..] ? nearest : null);

    [Fact]
    public void At_most_three_are_returned_and_the_nearest_first() =>
        Assert.Equal(["ab", "aa", "ac"], NearestNames.Of("ab", ["ad", "ac", "aa", "ab"]));

    [Fact]
    public void A_name_longer_than_any_is_near_to_none()
    {
        var name = new string('x', 65);

        Assert.Empty(NearestNames.Of(name, [name]));
    }
}
