using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Client;

/// <summary>
/// Waits for changes of tasks, which may happen in any process. Storage does not announce them, so each wait polls it, in pauses that
/// grow. All waits of a process together read at most 50 tasks a second. Thread-safe.
/// </summary>
/// <param name="find">Reads a task.</param>
/// <param name="time">The clock.</param>
internal sealed class TaskWatcher(Func<string, Task<TaskView?>> find, TimeProvider time)
{
    /// <summary>The pauses between two reads.</summary>
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50), MaxPause = TimeSpan.FromSeconds(1);

    private const double Growth = 1.25;

    /// <summary>The shortest pause, for each wait in progress.</summary>
    private static readonly TimeSpan PauseOfOne = TimeSpan.FromMilliseconds(20);

    private int _waits;

    /// <summary>Waits for a task to change.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="after">The revision that the caller already knows.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The task as soon as it is past that revision or has ended; null if it does not exist.</returns>
    public async Task<TaskView?> NextAsync(string id, long after, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _waits);
        try
        {
            for (var pause = FirstPause; ; pause = Min(pause * Growth, MaxPause))
            {
                var view = await find(id).WaitAsync(cancellationToken);
                if (view is not { Record.IsFinished: false } task || task.Revision > after)
                {
                    return view;
                }

                var shortest = PauseOfOne * Volatile.Read(ref _waits);
                await Task.Delay(pause > shortest ? pause : shortest, time, cancellationToken);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waits);
        }
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
