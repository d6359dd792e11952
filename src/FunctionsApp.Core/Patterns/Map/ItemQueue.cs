namespace FunctionsApp.Core.Patterns.Map;

/// <summary>The items of a map that are not computed yet, in buffers. Thread-safe.</summary>
internal sealed class ItemQueue
{
    /// <summary>The maximum bytes of a stream's items that are not computed yet.</summary>
    private const int MaxBytes = 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly List<ItemBuffer> _buffers = [];
    private TaskCompletionSource? _room;
    private long _bytes;

    /// <summary>Adds items at the end.</summary>
    /// <returns>Ends when there is room for more.</returns>
    public Task Add(ItemBuffer items)
    {
        lock (_gate)
        {
            _buffers.Add(items);
            _bytes += items.Size;
            _room = _bytes < MaxBytes ? null : new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _room?.Task ?? Task.CompletedTask;
        }
    }

    /// <summary>Returns the buffer of an item.</summary>
    public ItemBuffer Find(long item)
    {
        lock (_gate)
        {
            return _buffers.First(items => item < items.End);
        }
    }

    /// <summary>Records that items of a buffer are computed. The last ones release it.</summary>
    public void NoteComputed(ItemBuffer items, int count)
    {
        lock (_gate)
        {
            items.Computed += count;
            if (items.Computed < items.Count)
            {
                return;
            }

            _buffers.Remove(items);
            _bytes -= items.Size;
            items.Release();
            if (_bytes < MaxBytes)
            {
                _room?.TrySetResult();
                _room = null;
            }
        }
    }
}
