using System.Collections.Concurrent;
using System.Threading.Channels;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded;

/// <summary>Deletes expired tasks with their payloads. A task with a pending webhook is kept.</summary>
/// <remarks>When each task expires is in memory, 24 bytes each: the times in the database are only as good as the wall clock.</remarks>
internal sealed class TaskRetention : IDisposable
{
    /// <summary>Tasks that one transaction deletes. The limit keeps other changes from waiting long.</summary>
    private const int MaxDeleted = 100;

    private const int PageSize = 1_000;
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(30);

    private readonly Channel<long> _expired = Channel.CreateUnbounded<long>(new UnboundedChannelOptions { SingleReader = true });

    // Noted in the transaction that would have deleted them, so before any that settles their webhooks.
    private readonly ConcurrentDictionary<long, bool> _overdue = [];
    private readonly TaskStore _store;
    private readonly TaskClock _clock;
    private readonly ILogger _logger;
    private readonly CancellationToken _stopping;
    private readonly TimerQueue<long> _timers;

    public TaskRetention(TaskStore store, TaskClock clock, ILogger logger, CancellationToken stopping)
    {
        (_store, _clock, _logger, _stopping) = (store, clock, logger, stopping);
        _timers = new TimerQueue<long>(clock, Expire);
    }

    /// <summary>Plans the deletion of the tasks in the database, and deletes those that expired while the host was down.</summary>
    public async Task LoadAsync()
    {
        _ = DeleteAsync();
        var (after, task) = (long.MinValue, 0L);
        for (var count = PageSize; count == PageSize;)
        {
            var page = await _store.ReadWithRetryAsync(queries => queries.ReadExpiries(after, task, PageSize), int.MaxValue, _stopping);
            foreach (var expiry in page)
            {
                (after, task) = (TaskRow.Number(expiry.At), expiry.Task);
                _timers.Add(_clock.UptimeAt(expiry.At, expiry.Ttl), task);
            }

            count = page.Count;
        }

        _store.Expired.SetComplete();
    }

    /// <summary>Returns the uptime at which a task that has ended expires.</summary>
    public TimeSpan DueOf(TaskRecord record) =>
        _clock.UptimeAt(record.ExpiresAt, record.ExpiresAt - (record.FinishedAt ?? record.CreatedAt));

    /// <summary>Plans the deletion of a task that has ended. If its webhook is pending then, <see cref="Settle"/> deletes it.</summary>
    public void Plan(TaskRecord record, TimeSpan due) => _timers.Add(due, record.Sequence);

    /// <summary>Deletes a task if its webhook alone has kept it. The database already holds that it is pending no more.</summary>
    public void Settle(TaskRecord record)
    {
        if (record.Delivery is not { State: DeliveryState.Pending } && _overdue.TryRemove(record.Sequence, out _))
        {
            Expire(record.Sequence);
        }
    }

    public void Dispose()
    {
        _timers.Dispose();
        _expired.Writer.TryComplete();
    }

    private void Expire(long task)
    {
        _store.Expired.Add(task);
        _expired.Writer.TryWrite(task);
    }

    private async Task DeleteAsync()
    {
        while (await _expired.Reader.WaitToReadAsync(_stopping))
        {
            var tasks = new List<long>();
            while (tasks.Count < MaxDeleted && _expired.Reader.TryRead(out var task))
            {
                tasks.Add(task);
            }

            try
            {
                await _store.WriteAsync(writes => writes.Delete(tasks, kept: task => _overdue[task] = true));
            }
#pragma warning disable CA1031 // The exception is not swallowed: it is logged, and the deletion is retried.
            catch (Exception exception) when (!_stopping.IsCancellationRequested)
#pragma warning restore CA1031
            {
                TaskLog.NotDeleted(_logger, exception);
                tasks.ForEach(task => _timers.Add(_clock.Uptime + PauseAfterFailure, task));
                continue;
            }

            tasks.ForEach(_store.Expired.Remove);
        }
    }
}
