using System.Threading.RateLimiting;
using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using FunctionsApp.Logging;

namespace FunctionsApp.LocalHost;

/// <summary>
/// <c>maxConcurrentRequests</c> and <c>maxOutstandingRequests</c> of host.json: so many requests run at once, so many more wait in
/// their order, and the next one is refused. Requests that only wait for a change hold none of these places: they have their own limit,
/// and none of them waits for a place.
/// </summary>
internal static class RequestThrottle
{
    private const string MaxWatchersSetting = "Host:MaxWatchers";
    private const int DefaultMaxWatchers = 10_000;

    private enum Place
    {
        Unlimited,
        Work,
        Watch,
    }

    /// <summary>Adds the limits, for ASP.NET Core's rate limiting middleware.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="http">The limits of requests that do work.</param>
    /// <param name="configuration">The app settings: <c>Host:MaxWatchers</c> limits requests that only wait.</param>
    /// <exception cref="InvalidOperationException"><c>Host:MaxWatchers</c> is not a positive number.</exception>
    public static void AddRequestThrottle(this IServiceCollection services, HttpOptions http, IConfiguration configuration)
    {
        var maxWatchers = configuration.GetValue(MaxWatchersSetting, DefaultMaxWatchers);
        if (maxWatchers < 1)
        {
            throw new InvalidOperationException($"{MaxWatchersSetting} is {maxWatchers}; it must be 1 or more.");
        }

        var outstanding = http.MaxOutstandingRequests > 0 ? http.MaxOutstandingRequests : int.MaxValue;
        var concurrent = Math.Min(http.MaxConcurrentRequests > 0 ? http.MaxConcurrentRequests : int.MaxValue, outstanding);
        services.AddRateLimiter(limiter =>
        {
            limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, Place>(context => PlaceOf(context) switch
            {
                Place.Work when concurrent < int.MaxValue => Limit(Place.Work, concurrent, outstanding - concurrent),
                Place.Watch => Limit(Place.Watch, maxWatchers, queued: 0),
                _ => RateLimitPartition.GetNoLimiter(Place.Unlimited),
            });
            limiter.OnRejected = async (rejected, _) => await RefuseAsync(rejected.HttpContext, PlaceOf(rejected.HttpContext) == Place.Watch
                ? $"Too many requests wait for changes of tasks: there are {maxWatchers} ({MaxWatchersSetting})."
                : "Too many requests are outstanding (maxOutstandingRequests in host.json).");
        });
    }

    /// <summary>What a request takes up. Endpoints of the host's own, and requests that no function answers, are quick.</summary>
    private static Place PlaceOf(HttpContext context) => context.GetEndpoint()?.Metadata switch
    {
        { } metadata when metadata.GetMetadata<WatchAttribute>()?.Applies(context.Request) == true => Place.Watch,
        { } metadata when metadata.GetMetadata<HttpFunction>() is not null => Place.Work,
        _ => Place.Unlimited,
    };

    private static RateLimitPartition<Place> Limit(Place place, int permits, int queued) => RateLimitPartition.GetConcurrencyLimiter(
        place, _ => new ConcurrencyLimiterOptions { PermitLimit = permits, QueueLimit = queued, QueueProcessingOrder = QueueProcessingOrder.OldestFirst });

    private static Task RefuseAsync(HttpContext context, string detail)
    {
        var problem = Problem.Saturated(detail, retryAfterSeconds: 1);
        context.RequestServices.GetRequiredService<SaturationLog>().Note(problem);
        return new ProblemResult(problem).ExecuteAsync(context);
    }
}
