using System.Runtime.InteropServices;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Embedded;

/// <summary>
/// The due webhooks that wait for a slot at their receiver, in order. A receiver that hangs delays only its own webhooks, which take
/// some bytes of memory each (A_receiver_that_hangs_delays_only_its_own_messages). Thread-safe.
/// </summary>
internal sealed class ReceiverQueue
{
    private readonly Lock _gate = new();
    private readonly ReceiverLimit _limit = new();

    /// <summary>By the host and port of the receiver.</summary>
    private readonly Dictionary<string, Queue<WakeUp>> _waiting = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes a slot at the receiver of a webhook; returns whether there was one. Without one, the webhook waits.</summary>
    public bool TryEnter(WakeUp due, Uri url)
    {
        lock (_gate)
        {
            if (_limit.TryEnter(url))
            {
                return true;
            }

            (CollectionsMarshal.GetValueRefOrAddDefault(_waiting, url.Authority, out _) ??= new Queue<WakeUp>()).Enqueue(due);
            return false;
        }
    }

    /// <summary>Frees a slot at a receiver.</summary>
    /// <param name="url">The URL of the webhook that held the slot.</param>
    /// <returns>The webhook that has the slot now; null if none waits for it.</returns>
    public WakeUp? Leave(Uri url)
    {
        lock (_gate)
        {
            _limit.Leave(url);
            if (!_waiting.TryGetValue(url.Authority, out var others) || !_limit.TryEnter(url))
            {
                return null;
            }

            var next = others.Dequeue();
            if (others.Count == 0)
            {
                _waiting.Remove(url.Authority);
            }

            return next;
        }
    }
}
