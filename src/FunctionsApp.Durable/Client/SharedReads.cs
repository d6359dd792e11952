using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Client;

/// <summary>
/// Reads tasks for callers, a few at once: storage is shared with the work, and however many ask, that goes on. A caller joins a read of
/// the same task that has not begun, so what it gets is never older than its request. Thread-safe.
/// </summary>
/// <param name="find">Reads a task.</param>
internal sealed class SharedReads(Func<string, Task<TaskView?>> find) : IDisposable
{
    /// <summary>The maximum number of reads at once: at 5 ms each they are 800 a second.</summary>
    private const int Concurrency = 4;

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _slots = new(Concurrency);
    private readonly Dictionary<string, Task<TaskView?>> _waiting = new(StringComparer.Ordinal);

    /// <summary>Reads a task.</summary>
    /// <param name="id">Its id.</param>
    public Task<TaskView?> ReadAsync(string id)
    {
        lock (_gate)
        {
            if (!_waiting.TryGetValue(id, out var read))
            {
                _waiting.Add(id, read = RunAsync(id));
            }

            return read;
        }
    }

    public void Dispose() => _slots.Dispose();

    private async Task<TaskView?> RunAsync(string id)
    {
        // The caller holds the lock.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await _slots.WaitAsync();
        try
        {
            lock (_gate)
            {
                _waiting.Remove(id);
            }

            return await find(id);
        }
        finally
        {
            _slots.Release();
        }
    }
}
