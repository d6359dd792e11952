namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// A queue of webhooks per receiver. Few go to one receiver at once, and the others wait in their order: a receiver that hangs
/// delays its own webhooks alone, and none is flooded. Guarded by the owner's lock.
/// </summary>
internal sealed class ReceiverQueues
{
    /// <summary>Webhooks that go to one receiver at once.</summary>
    public const int MaxPerReceiver = 4;

    private readonly Dictionary<string, Receiver> _receivers = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Asks for a place at a receiver.</summary>
    /// <param name="url">Where the webhook goes.</param>
    /// <param name="task">The place of its task, by which <see cref="Leave"/> names it.</param>
    /// <returns>Whether it may go now; otherwise it waits until <see cref="Leave"/> returns it.</returns>
    public bool TryEnter(Uri url, long task)
    {
        if (!_receivers.TryGetValue(url.Authority, out var receiver))
        {
            _receivers.Add(url.Authority, receiver = new Receiver());
        }

        if (receiver.Running == MaxPerReceiver)
        {
            receiver.Waiting.Enqueue(task);
            return false;
        }

        receiver.Running++;
        return true;
    }

    /// <summary>Frees a place.</summary>
    /// <param name="url">Where the webhook went.</param>
    /// <returns>The task whose webhook may go now; null when none waits.</returns>
    public long? Leave(Uri url)
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

        public Queue<long> Waiting { get; } = new();
    }
}
