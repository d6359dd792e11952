using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Activities;

/// <summary>
/// Where attempts run: at most <see cref="TasksOptions.MaxRunning"/> at once in this process. The process takes more activities than
/// that, so that webhooks and removals do not wait until a long attempt ends.
/// </summary>
internal sealed class AttemptSlots(IOptions<TasksOptions> options) : IDisposable
{
    /// <summary>The number of activities beside the running attempts.</summary>
    public const int OtherActivities = 16;

    private readonly SemaphoreSlim _slots = new(options.Value.MaxRunning);
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Is cancelled when the process is ending: attempts are interrupted, and begin again elsewhere.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Waits for a slot.</summary>
    /// <returns>Frees the slot.</returns>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken);
        return new Slot(_slots);
    }

    /// <summary>Interrupts all attempts.</summary>
    public Task StopAsync() => _stopping.CancelAsync();

    public void Dispose()
    {
        _slots.Dispose();
        _stopping.Dispose();
    }

    private sealed class Slot(SemaphoreSlim slots) : IDisposable
    {
        public void Dispose() => slots.Release();
    }
}
