using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace FunctionsApp.Tests.Http;

/// <summary>The <c>Prefer</c> header (RFC 7240).</summary>
public sealed class PreferenceTests
{
    [Theory]
    [InlineData("respond-async")]
    [InlineData("RESPOND-ASYNC")]
    [InlineData(" respond-async ")]
    [InlineData(",, respond-async ,")]
    [InlineData("respond-async;why=not")]
    [InlineData("handling=lenient, respond-async")]
    [InlineData("respond-async, respond-async")]
    [InlineData("respond-async, wait")]
    [InlineData("respond-async, wait=")]
    [InlineData("respond-async, wait=soon")]
    [InlineData("respond-async, wait=-1")]
    [InlineData("respond-async, wait=+1")]
    [InlineData("respond-async, wait=1.5")]
    [InlineData("respond-async, wait=2147483648")]
    [InlineData("respond-async; wait=60")]
    [InlineData("respond-async; note=\"wait=60, wait=60\"")]
    [InlineData("respond-async=\"\"")]
    [InlineData("respond-async=")]
    [InlineData("note=\"a \\\" b\", respond-async")]
    [InlineData("note=\"a \\\\\", respond-async")]
    [InlineData("note=\"wait=60, wait=60\", respond-async")]
    [InlineData("note;a=\"b;c\";wait=60, respond-async")]
    public void Respond_async_is_read_and_an_invalid_wait_is_ignored(string prefer)
    {
        var preference = Read(prefer);

        Assert.Equal(new Preference(RespondAsync: true, WaitSeconds: null), preference);
        Assert.Equal("respond-async", preference.WhenAsync);
    }

    [Theory]
    [InlineData("respond-async, wait=60", 60)]
    [InlineData("wait=60, respond-async", 60)]
    [InlineData("Wait = 60 ; x=y, Respond-Async", 60)]
    [InlineData("respond-async, wait=\"60\"", 60)]
    [InlineData("respond-async, wait=\"6\\0\"", 60)]
    [InlineData("respond-async; a=\"b, c\" ; d , wait=60", 60)]
    [InlineData("\trespond-async\t,\twait=60", 60)]
    [InlineData("respond-async, wait=0", 0)]
    [InlineData("respond-async, wait=2147483647", int.MaxValue)]
    public void Wait_is_read_beside_respond_async(string prefer, int seconds)
    {
        var preference = Read(prefer);

        Assert.Equal(new Preference(RespondAsync: true, seconds), preference);
        Assert.Equal(($"respond-async, wait={seconds}", $"wait={seconds}"), (preference.WhenAsync, preference.WhenWaited));
    }

    [Theory]
    [InlineData("wait=60, wait=1", 60)]
    [InlineData("wait=soon, wait=1", null)]
    [InlineData("WAIT=60, wait=1", 60)]
    [InlineData("wait=\"1, wait=60\", wait=1", null)]
    public void The_first_wait_counts_even_if_it_is_invalid(string prefer, int? seconds) => Assert.Equal(seconds, Read(prefer).WaitSeconds);

    [Fact]
    public void The_first_respond_async_counts_too() => Assert.False(Read("respond-async=never, respond-async").RespondAsync);

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("handling=strict")]
    [InlineData("respond-asynchronously")]
    [InlineData("respond=async")]
    [InlineData("x=respond-async")]
    [InlineData("foo=\"a, respond-async, b\"")]
    [InlineData("foo=\"a\\\", respond-async, b\"")]
    [InlineData("foo; bar=\"a, respond-async\"")]
    [InlineData("foo; respond-async")]
    [InlineData("foo;respond-async;wait=1")]
    [InlineData("foo=\"a, respond-async")]
    [InlineData("\"respond-async\"")]
    [InlineData("respond-async=1")]
    public void Other_preferences_are_ignored(string prefer) => Assert.Equal(default, Read(prefer));

    [Fact]
    public void Several_headers_are_one_list() =>
        Assert.Equal(new Preference(RespondAsync: true, 5), Read(new StringValues(["return=minimal, wait=5", null, "note=\"", "respond-async, wait=6"])));

    [Fact]
    public void Without_the_header_nothing_is_preferred() => Assert.Equal(default, Preference.Of(new HeaderDictionary()));

    private static Preference Read(StringValues prefer) => Preference.Of(new HeaderDictionary { ["Prefer"] = prefer });
}
