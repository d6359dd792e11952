using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tests;
using FunctionsApp.Logging;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace FunctionsApp.Tests.Logging;

public sealed class SaturationLogTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly LogBook<SaturationLog> _book = new();
    private readonly SaturationLog _log;

    public SaturationLogTests() => _log = new SaturationLog(_book, _time);

    private IEnumerable<string> Lines => _book.Entries.Select(static entry => entry.Message);

    [Fact]
    public void The_first_refusal_is_logged_at_once_and_later_ones_once_a_minute()
    {
        Refuse("first");
        Refuse("second");
        Refuse("third");
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(["Requests refused as saturated: 1. The last one: first"], Lines);

        _time.Advance(TimeSpan.FromSeconds(1));
        Refuse("fourth");
        _time.Advance(TimeSpan.FromSeconds(60));

        Assert.Equal(["Requests refused as saturated: 2. The last one: third", "Requests refused as saturated: 1. The last one: fourth"], Lines.Skip(1));
        Assert.All(_book.Entries, static entry => Assert.Equal(LogLevel.Warning, entry.Level));
    }

    [Fact]
    public void A_minute_without_a_refusal_is_not_logged_and_the_next_refusal_is_at_once()
    {
        Refuse("first");
        _time.Advance(TimeSpan.FromMinutes(5));
        Refuse("second");

        Assert.Equal(["Requests refused as saturated: 1. The last one: first", "Requests refused as saturated: 1. The last one: second"], Lines);
    }

    [Fact]
    public void Other_problems_are_not_counted()
    {
        _log.Note(Problem.Timeout("Too late."));
        _log.Note(Problem.InvalidRequest("/x", "must be a number"));

        Assert.Empty(Lines);
    }

    public void Dispose() => _log.Dispose();

    private void Refuse(string detail) => _log.Note(Problem.Saturated(detail, retryAfterSeconds: 1));
}
