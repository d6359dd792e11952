using FunctionsApp.Core.Tasks;
using FunctionsApp.Embedded.Storage;
namespace FunctionsApp.Embedded;

/// <summary>
/// A queue of webhooks per receiver. Few are in flight to a receiver at once; the others wait in order.
/// A receiver that hangs delays only its own webhooks, and no receiver is flooded. Guarded by the owner's lock.
/// </summary>
internal sealed class ReceiverQueues
{
    private readonly Dictionary<string, Receiver> _receivers = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Requests a slot at a receiver.</summary>
    /// <param name="url">The webhook's URL.</param>
    /// <param name="due">The webhook, which <see cref="Leave"/> returns.</param>
    /// <returns>Whether it may be sent now; otherwise it waits until <see cref="Leave"/> returns it.</returns>
    public bool TryEnter(Uri url, DueDelivery due)
    {
        if (!_receivers.TryGetValue(url.Authority, out var receiver))
        {
            _receivers.Add(url.Authority, receiver = new Receiver());
        }

        if (receiver.Running == WebhookAttempt.MaxPerReceiver)
        {
            receiver.Waiting.Enqueue(due);
            return false;
        }

        receiver.Running++;
        return true;
    }

    /// <summary>Frees a slot.</summary>
    /// <param name="url">The webhook's URL.</param>
    /// <returns>The webhook that may be sent now; null when none waits.</returns>
    public DueDelivery? Leave(Uri url)
    {
        var receiver = _receivers[url.Authority];
        if (receiver.Waiting.TryDequeue(out var next))
        {
            return next;
        }

        if (--receiver.Running == 0)
        {
            _receivers.Remove(url.Authority);
        }

        return null;
    }

    private sealed class Receiver
    {
        public int Running { get; set; }

        public Queue<DueDelivery> Waiting { get; } = new();
    }
}
