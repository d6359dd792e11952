using FunctionsApp.Core.Webhooks;
using FunctionsApp.Embedded.Storage;

namespace FunctionsApp.Embedded;

/// <summary>The due webhooks that wait for a slot at their receiver, in order. Thread-safe.</summary>
internal sealed class ReceiverQueue
{
    private readonly Lock _gate = new();
    private readonly ReceiverLimit _limit = new();

    /// <summary>By the host and port of the receiver.</summary>
    private readonly Dictionary<string, Queue<DueDelivery>> _waiting = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes a slot at the receiver of a webhook; returns whether there was one. Without one, the webhook waits.</summary>
    /// <param name="due">The webhook.</param>
    /// <param name="url">Its URL.</param>
    public bool TryEnter(DueDelivery due, Uri url)
    {
        lock (_gate)
        {
            if (_limit.TryEnter(url))
            {
                return true;
            }

            if (_waiting.TryGetValue(url.Authority, out var others))
            {
                others.Enqueue(due);
            }
            else
            {
                _waiting.Add(url.Authority, new Queue<DueDelivery>([due]));
            }

            return false;
        }
    }

    /// <summary>Frees a slot at a receiver.</summary>
    /// <param name="url">The URL of the webhook that held the slot.</param>
    /// <returns>The webhook that has the slot now; null if none waits for it.</returns>
    public DueDelivery? Leave(Uri url)
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
