using System.Diagnostics;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>Waits for what nobody tells: it is looked at again and again, until a deadline.</summary>
public static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Looks until something is as it should be.</summary>
    /// <param name="look">Looks.</param>
    /// <param name="until">How it should be.</param>
    /// <param name="what">What is waited for, for the message when that does not come about.</param>
    /// <param name="limit">How long that may take; null for 60 s.</param>
    /// <returns>What was seen in the end.</returns>
    public static async Task<T> SeeAsync<T>(Func<Task<T>> look, Predicate<T> until, string what, TimeSpan? limit = null)
    {
        var max = limit ?? Limit;
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var seen = await look();
            if (until(seen))
            {
                return seen;
            }

            if (watch.Elapsed > max)
            {
                Assert.Fail($"{what}: not within {max.TotalSeconds} s, but {seen}.");
            }

            await Task.Delay(Pause);
        }
    }
}
