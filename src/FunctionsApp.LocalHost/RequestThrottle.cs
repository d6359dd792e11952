using System.Threading.RateLimiting;
using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using FunctionsApp.Logging;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;

namespace FunctionsApp.LocalHost;

/// <summary>
/// <c>maxConcurrentRequests</c> and <c>maxOutstandingRequests</c> of host.json: the first limits requests that run at once. More
/// requests wait in their order, up to the second limit; above it they are refused. Requests that only wait for a change count
/// against a limit of their own, and do not wait for a place: 1,000 of them delay no request (<c>Tasks</c> of the attack suite).
/// </summary>
/// <remarks>
/// The limiters are the library's. Its middleware is not used: it looks up a partition under a lock for each request, and takes
/// twice the processor time of this class.
/// </remarks>
internal sealed class RequestThrottle
{
    private readonly RateLimiter? _work;
    private readonly RateLimiter _watchers;
    private readonly string _tooManyWatchers;

    /// <summary>Creates the limiters.</summary>
    /// <param name="http">The limits of requests that do work.</param>
    /// <param name="options">The limit of requests that only wait.</param>
    public RequestThrottle(HttpOptions http, IOptions<HostOptions> options)
    {
        var maxWatchers = options.Value.MaxWatchers;
        var outstanding = http.MaxOutstandingRequests > 0 ? http.MaxOutstandingRequests : int.MaxValue;
        var concurrent = Math.Min(http.MaxConcurrentRequests > 0 ? http.MaxConcurrentRequests : int.MaxValue, outstanding);
        _work = concurrent < int.MaxValue ? Limiter(concurrent, outstanding - concurrent) : null;
        _watchers = Limiter(maxWatchers, queued: 0);
        _tooManyWatchers = $"The maximum of {maxWatchers} requests already wait for tasks (Host:MaxWatchers).";
    }

    /// <summary>
    /// Runs a request when there is a place for it. Functions with <see cref="DisableRateLimitingAttribute"/>, the host's own
    /// endpoints, and requests that no function responds to need none.
    /// </summary>
    public Task AdmitAsync(HttpContext context, RequestDelegate next) => context.GetEndpoint()?.Metadata switch
    {
        { } metadata when metadata.GetMetadata<DisableRateLimitingAttribute>() is not null => next(context),
        { } metadata when metadata.GetMetadata<WatchAttribute>()?.Applies(context.Request) == true =>
            ServeAsync(_watchers, _tooManyWatchers, context, next),
        { } metadata when _work is not null && metadata.GetMetadata<HttpFunction>() is not null =>
            ServeAsync(_work, "Too many requests are outstanding (maxOutstandingRequests in host.json).", context, next),
        _ => next(context),
    };

    private static async Task ServeAsync(RateLimiter limiter, string refusal, HttpContext context, RequestDelegate next)
    {
        using var lease = await limiter.AcquireAsync(cancellationToken: context.RequestAborted);
        if (lease.IsAcquired)
        {
            await next(context);
            return;
        }

        var problem = Problem.Saturated(refusal, retryAfterSeconds: 1);
        context.RequestServices.GetRequiredService<SaturationLog>().Note(problem);
        await JsonResult.Problem(problem).ExecuteAsync(context);
    }

    private static ConcurrencyLimiter Limiter(int permits, int queued) =>
        new(new() { PermitLimit = permits, QueueLimit = queued, QueueProcessingOrder = QueueProcessingOrder.OldestFirst });
}
