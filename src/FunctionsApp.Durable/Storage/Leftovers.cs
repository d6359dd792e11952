using FunctionsApp.Core.Limits;

namespace FunctionsApp.Durable.Storage;

/// <summary>
/// Deletes what is stored of a task whose creation failed, as soon as storage works again. What a process does not get to is left to
/// the maintenance of the hub.
/// </summary>
internal sealed class Leftovers(TaskHub hub, TimeProvider time) : IDisposable
{
    /// <summary>The maximum number of tasks that this process remembers for this.</summary>
    private const int MaxCount = 1_000;

    private const int MaxTries = 20;

    /// <summary>The pauses before a try. The first lets requests that were given up arrive.</summary>
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5), MaxPause = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stopping = new();
    private int _count;

    /// <summary>Deletes what is stored of a task, unless it exists.</summary>
    /// <param name="id">The task.</param>
    /// <param name="key">Its idempotency key.</param>
    /// <param name="seen">The entry of the key. Where it has changed, another request goes on with the task.</param>
    /// <param name="sending">The request to start it, which may still succeed; null if none was made.</param>
    public void Add(string id, string? key, SeenKey? seen, Task? sending)
    {
        if (Interlocked.Increment(ref _count) > MaxCount)
        {
            Interlocked.Decrement(ref _count);
            return;
        }

        _ = RunAsync();

        async Task RunAsync()
        {
            try
            {
                await DeleteAsync(id, key, seen, sending ?? Task.FromCanceled(new CancellationToken(canceled: true)));
            }
            finally
            {
                Interlocked.Decrement(ref _count);
            }
        }
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private async Task DeleteAsync(string id, string? key, SeenKey? seen, Task sending)
    {
        await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        var pause = new DoublingPause(FirstPause, MaxPause, time);
        for (var tries = 0; tries < MaxTries && !sending.IsCompletedSuccessfully; tries++)
        {
            await pause.WaitAsync(_stopping.Token);
            try
            {
                if (await hub.FindAsync(id) is null && (key is null || await hub.Blobs.FreeKeyAsync(key, seen!, _stopping.Token)))
                {
                    await hub.Blobs.DeleteAsync(id, key: null, _stopping.Token);
                }

                return;
            }
            catch (Exception exception) when (exception.IsOfStorage() && !_stopping.IsCancellationRequested)
            {
                // It is tried again.
            }
        }
    }
}
