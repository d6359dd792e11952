namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// Has few webhooks go to one receiver at once, and the others to it wait in their order: so a receiver that hangs holds
/// up its own alone, and none is flooded. Guarded by the engine's lock.
/// </summary>
internal sealed class DeliveryLanes
{
    /// <summary>Webhooks that go to one receiver at once.</summary>
    public const int MostOfReceiver = 4;

    private readonly Dictionary<string, Lane> _lanes = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes a place in a receiver's lane.</summary>
    /// <param name="url">Where the webhook goes.</param>
    /// <param name="entry">Whose it is.</param>
    /// <returns>Whether it may go now; else it waits, and <see cref="Leave"/> hands it out.</returns>
    public bool TryEnter(Uri url, TaskEntry entry)
    {
        if (!_lanes.TryGetValue(url.Authority, out var lane))
        {
            _lanes.Add(url.Authority, lane = new Lane());
        }

        if (lane.Running == MostOfReceiver)
        {
            lane.Waiting.Enqueue(entry);
            return false;
        }

        lane.Running++;
        return true;
    }

    /// <summary>Gives a place up.</summary>
    /// <param name="url">Where the webhook went.</param>
    /// <returns>Whose may go in its place; null when none waits.</returns>
    public TaskEntry? Leave(Uri url)
    {
        var lane = _lanes[url.Authority];
        if (lane.Waiting.TryDequeue(out var next))
        {
            return next;
        }

        if (--lane.Running == 0)
        {
            _lanes.Remove(url.Authority);
        }

        return null;
    }

    private sealed class Lane
    {
        public int Running { get; set; }

        public Queue<TaskEntry> Waiting { get; } = new();
    }
}
