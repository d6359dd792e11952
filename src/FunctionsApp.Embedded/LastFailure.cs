using FunctionsApp.Embedded.Storage;

namespace FunctionsApp.Embedded;

/// <summary>How long the last write has been known to have failed. Its member is called under the store's gate.</summary>
internal sealed class LastFailure(TaskClock clock)
{
    /// <summary>How long a failed write counts as a sign that the next fails too. Longer than any pause between two retries.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);

    private (StorageException? Failure, TimeSpan SeenAt) _known;

    /// <summary>Throws the failure of the last write, unless it has expired.</summary>
    /// <param name="failure">The failure; null if the write succeeded.</param>
    public void ThrowIfRecent(StorageException? failure)
    {
        var now = clock.Uptime;
        _known = failure == _known.Failure ? _known : (failure, now);

        // Unless this expires, no task is written, and so no write shows that the disk works again.
        if (failure is not null && now - _known.SeenAt < Lifetime)
        {
            throw failure;
        }
    }
}
