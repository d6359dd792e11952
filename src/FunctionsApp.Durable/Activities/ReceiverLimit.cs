using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Activities;

/// <summary>Counts the webhooks in flight to each receiver, so that one that hangs takes few activities of this process. Thread-safe.</summary>
internal sealed class ReceiverLimit
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _running = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes a slot at a receiver; returns whether there was one.</summary>
    public bool TryEnter(Uri url)
    {
        lock (_gate)
        {
            var running = _running.GetValueOrDefault(url.Authority);
            if (running == WebhookAttempt.MaxPerReceiver)
            {
                return false;
            }

            _running[url.Authority] = running + 1;
            return true;
        }
    }

    /// <summary>Frees a slot.</summary>
    public void Leave(Uri url)
    {
        lock (_gate)
        {
            if (--_running[url.Authority] == 0)
            {
                _running.Remove(url.Authority);
            }
        }
    }
}
