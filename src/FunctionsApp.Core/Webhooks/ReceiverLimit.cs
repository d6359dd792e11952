namespace FunctionsApp.Core.Webhooks;

/// <summary>
/// Counts the webhooks in flight to each receiver, by host and port. A receiver that hangs delays only its own webhooks, and none is
/// flooded. Thread-safe.
/// </summary>
public sealed class ReceiverLimit
{
    /// <summary>The maximum number of webhooks that a process has in flight to one receiver.</summary>
    public const int Max = 4;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _inFlight = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes a slot at a receiver; returns whether there was one.</summary>
    /// <param name="url">The webhook's URL.</param>
    public bool TryEnter(Uri url)
    {
        lock (_gate)
        {
            var inFlight = _inFlight.GetValueOrDefault(url.Authority);
            if (inFlight == Max)
            {
                return false;
            }

            _inFlight[url.Authority] = inFlight + 1;
            return true;
        }
    }

    /// <summary>Frees a slot that <see cref="TryEnter"/> has taken.</summary>
    /// <param name="url">The webhook's URL.</param>
    public void Leave(Uri url)
    {
        lock (_gate)
        {
            if (--_inFlight[url.Authority] == 0)
            {
                _inFlight.Remove(url.Authority);
            }
        }
    }
}
