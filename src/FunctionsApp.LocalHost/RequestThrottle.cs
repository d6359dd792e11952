using System.Threading.RateLimiting;

namespace FunctionsApp.LocalHost;

/// <summary>
/// <c>maxConcurrentRequests</c> and <c>maxOutstandingRequests</c> of host.json: so many requests run at once, so many more
/// wait in their order, and the next one is refused.
/// </summary>
internal sealed class RequestThrottle : IDisposable
{
    private readonly ConcurrencyLimiter? _limiter;

    /// <summary>Creates the limiter, unless neither number limits anything.</summary>
    public RequestThrottle(HttpOptions options)
    {
        var outstanding = options.MaxOutstandingRequests > 0 ? options.MaxOutstandingRequests : int.MaxValue;
        var concurrent = Math.Min(options.MaxConcurrentRequests > 0 ? options.MaxConcurrentRequests : int.MaxValue, outstanding);
        if (concurrent < int.MaxValue)
        {
            _limiter = new ConcurrencyLimiter(new ConcurrencyLimiterOptions
            {
                PermitLimit = concurrent,
                QueueLimit = outstanding - concurrent,
                QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
            });
        }
    }

    /// <summary>Waits for the request's turn.</summary>
    /// <returns>To be disposed of when the request has been answered; not acquired when too many are outstanding.</returns>
    public ValueTask<RateLimitLease> AcquireAsync(CancellationToken cancellationToken) =>
        _limiter?.AcquireAsync(1, cancellationToken) ?? new ValueTask<RateLimitLease>(Unlimited.Instance);

    public void Dispose() => _limiter?.Dispose();

    private sealed class Unlimited : RateLimitLease
    {
        public static readonly Unlimited Instance = new();

        public override bool IsAcquired => true;

        public override IEnumerable<string> MetadataNames => [];

        public override bool TryGetMetadata(string metadataName, out object? metadata)
        {
            metadata = null;
            return false;
        }
    }
}
