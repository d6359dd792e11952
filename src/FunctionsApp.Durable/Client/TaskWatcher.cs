using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Client;

/// <summary>
/// Waits for changes of tasks, which may happen in any process. Storage does not announce them, so it is polled: once for all
/// callers that wait for the same task, in pauses that grow until it changes.
/// </summary>
/// <param name="find">Reads a task.</param>
/// <param name="time">The clock.</param>
internal sealed class TaskWatcher(Func<string, Task<TaskView?>> find, TimeProvider time)
{
    /// <summary>The pauses between two reads.</summary>
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50), MaxPause = TimeSpan.FromSeconds(1);

    private const double Growth = 1.25;

    /// <summary>The pause that each watched task adds to that of all: together they read at most 50 tasks a second.</summary>
    private static readonly TimeSpan PauseOfOne = TimeSpan.FromMilliseconds(20);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Watch> _watches = new(StringComparer.Ordinal);

    /// <summary>Waits for a task to change.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="after">The revision that the caller already knows.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The task as soon as it is past that revision or has ended; null if it does not exist.</returns>
    public async Task<TaskView?> NextAsync(string id, long after, CancellationToken cancellationToken)
    {
        while (true)
        {
            Watch watch;
            Task<TaskView?> next;
            lock (_gate)
            {
                if (!_watches.TryGetValue(id, out watch!))
                {
                    _watches.Add(id, watch = new Watch());
                    _ = PollAsync(id, watch);
                }

                if (watch.Last is { } last && last.Revision > after)
                {
                    return last;
                }

                watch.Callers++;
                next = watch.Next.Task;
            }

            try
            {
                if (await next.WaitAsync(cancellationToken) is not { } view)
                {
                    return null;
                }

                if (view.Revision > after || view.Record.IsFinished)
                {
                    return view;
                }
            }
            finally
            {
                lock (_gate)
                {
                    watch.Callers--;
                }
            }
        }
    }

    /// <summary>Reads a task until nobody waits for it, and hands it to all who wait when it has changed.</summary>
    private async Task PollAsync(string id, Watch watch)
    {
        // The caller holds the lock.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        for (var (pause, revision) = (FirstPause, -1L); ;)
        {
            TaskView? view;
            try
            {
                view = await find(id);
            }
#pragma warning disable CA1031 // All who wait get the failure, whatever it is.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Remove(id, watch).TrySetException(exception);
                return;
            }

            if (view is null or { Record.IsFinished: true })
            {
                Remove(id, watch).TrySetResult(view);
                return;
            }

            var hasChanged = view.Value.Revision != revision;
            revision = view.Value.Revision;
            pause = hasChanged ? FirstPause : Min(pause * Growth, MaxPause);
            TaskCompletionSource<TaskView?> next;
            lock (_gate)
            {
                if (watch.Callers == 0)
                {
                    _watches.Remove(id);
                    return;
                }

                pause = Max(pause, PauseOfOne * _watches.Count);
                (next, watch.Last) = (watch.Next, view);
                watch.Next = hasChanged ? NewSource() : next;
            }

            if (hasChanged)
            {
                next.TrySetResult(view);
            }

            await Task.Delay(pause, time);
        }
    }

    private TaskCompletionSource<TaskView?> Remove(string id, Watch watch)
    {
        lock (_gate)
        {
            _watches.Remove(id);
            return watch.Next;
        }
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static TaskCompletionSource<TaskView?> NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A task that callers wait for. Guarded by the gate.</summary>
    private sealed class Watch
    {
        public int Callers { get; set; }

        /// <summary>The task when it was last read.</summary>
        public TaskView? Last { get; set; }

        /// <summary>Completes at the next change.</summary>
        public TaskCompletionSource<TaskView?> Next { get; set; } = NewSource();
    }
}
