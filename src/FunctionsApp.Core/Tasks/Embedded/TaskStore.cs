using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// The tasks of the embedded engine: an index in memory over a <see cref="Journal"/>. A record is the whole of a task at
/// one moment, so the last one counts, and losing one costs a step, not the task. What a record says is shown when it is
/// on the disk, not before.
/// </summary>
/// <remarks>
/// A few hundred bytes a task are in memory; inputs and outcomes stay on the disk. Members that say so are called under
/// <see cref="Gate"/>, which is never held while something is written or read.
/// </remarks>
internal sealed partial class TaskStore(TimeProvider time, ILogger<TaskStore> logger) : IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, TaskEntry> _tasks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TaskEntry> _keys = new(StringComparer.Ordinal);
    private readonly SortedSet<TaskEntry> _inOrder = new(Comparer<TaskEntry>.Create(static (left, right) => right.Sequence.CompareTo(left.Sequence)));
    private readonly CancellationTokenSource _closing = new();
    private Journal? _journal;
    private string _unavailable = "The task engine has not been started.";
    private long _lastSequence;
    private bool _isCleaning;

    /// <summary>Guards the tasks.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Bytes on the disk that are needed.</summary>
    public long LiveBytes => _journal?.LiveBytes ?? 0;

    /// <summary>Opens a directory. Under the gate.</summary>
    /// <param name="directory">Where the journal lies; made if need be.</param>
    /// <returns>The tasks in it, oldest first.</returns>
    /// <exception cref="DirectoryInUseException">Another process uses it.</exception>
    public IReadOnlyList<TaskEntry> Open(string directory)
    {
        var garbage = new List<JournalAddress>();
        try
        {
            _journal = Journal.Open(directory, new JournalOptions(), record => Load(record, garbage), logger);
        }
        catch (Exception exception) when (exception is JournalException or IOException or UnauthorizedAccessException)
        {
            // All that is no task works without it.
            _unavailable = "The directory of the tasks cannot be used; the log says why.";
            LogUnavailable(logger, directory, exception);
            return [];
        }

        garbage.ForEach(Release);
        return [.. _inOrder.Reverse()];
    }

    /// <summary>Raises what is wrong with the store, if anything is. Under the gate.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>.</exception>
    public void EnsureOpen()
    {
        if (_journal is null)
        {
            throw new ProblemException(Problem.StorageFailed(_unavailable));
        }
    }

    /// <summary>Finds a task that has been accepted and has not expired. Under the gate.</summary>
    /// <param name="id">Its id.</param>
    /// <exception cref="ProblemException"><c>storage-failed</c> when there is no store to look in.</exception>
    public TaskEntry? Find(string id)
    {
        EnsureOpen();
        return _tasks.TryGetValue(id, out var entry) && entry.Kept?.IsExpired(time.GetUtcNow()) == false ? entry : null;
    }

    /// <summary>Finds the task with an idempotency key, be it still about to be accepted. Under the gate.</summary>
    public bool TryFindByKey(string? key, [NotNullWhen(true)] out TaskEntry? entry)
    {
        entry = null;
        return key is not null && _keys.TryGetValue(key, out entry) && entry.Kept?.IsExpired(time.GetUtcNow()) != true;
    }

    /// <summary>Adds a task that is about to be accepted. Under the gate.</summary>
    /// <param name="record">Makes the record, from the task's place among all.</param>
    public TaskEntry Add(Func<long, TaskRecord> record)
    {
        var entry = new TaskEntry(record(++_lastSequence));
        Index(entry);
        return entry;
    }

    /// <summary>Forgets a task. Under the gate.</summary>
    public void Remove(TaskEntry entry)
    {
        if (!_tasks.Remove(entry.Decided.Id))
        {
            return;
        }

        _inOrder.Remove(entry);
        if (entry.Decided.Definition.IdempotencyKey is { } key && _keys.TryGetValue(key, out var holder) && holder == entry)
        {
            _keys.Remove(key);
        }

        foreach (var address in entry.Addresses)
        {
            Release(address);
        }

        entry.Announce();
        CleanIfWorthwhile();
    }

    /// <summary>Decides a change. Under the gate; whoever awaits the result does not hold it.</summary>
    /// <param name="entry">The task.</param>
    /// <param name="record">What it is from now on.</param>
    /// <param name="payload">The input or outcome to keep with it, if that is new.</param>
    /// <returns>Done when it is on the disk, and shown.</returns>
    /// <exception cref="JournalException">It could not be written; the decision stands.</exception>
    public Task CommitAsync(TaskEntry entry, TaskRecord record, RawJson? payload = null)
    {
        entry.Decided = record with { Version = entry.Decided.Version + 1 };
        return WriteAsync(entry, entry.Decided, payload?.Utf8 ?? default);
    }

    /// <summary>Decides a change that nobody can take back: it is written as soon as the disk allows. Under the gate.</summary>
    /// <inheritdoc cref="CommitAsync"/>
    /// <exception cref="OperationCanceledException">The store was closed before.</exception>
    public Task CommitForSureAsync(TaskEntry entry, TaskRecord record, RawJson? payload = null)
    {
        var first = CommitAsync(entry, record, payload);
        return InsistAsync(first, entry, entry.Decided, payload?.Utf8 ?? default);
    }

    /// <summary>Reads the input of a task or, after its end, what it came to.</summary>
    /// <exception cref="JournalException">It is damaged, or cannot be read.</exception>
    public ReadOnlyMemory<byte> Read(TaskEntry entry)
    {
        while (true)
        {
            Journal journal;
            JournalAddress? address;
            lock (Gate)
            {
                EnsureOpen();
                (journal, address) = (_journal!, entry.Payload);
            }

            try
            {
                return address is { } place ? journal.ReadPayload(place) : default;
            }
            catch (JournalException)
            {
                lock (Gate)
                {
                    if (entry.Payload == address)
                    {
                        throw;
                    }
                }

                // It has moved meanwhile.
            }
        }
    }

    /// <summary>Tasks from the newest to the oldest, starting below a place. Under the gate.</summary>
    public IEnumerable<TaskEntry> Below(long sequence) =>
        sequence > _lastSequence ? _inOrder : _inOrder.GetViewBetween(TaskEntry.At(sequence - 1), TaskEntry.At(0));

    /// <summary>Writes what is decided, and lets the directory go.</summary>
    public void Dispose()
    {
        Journal? journal;
        lock (Gate)
        {
            (journal, _journal, _unavailable) = (_journal, null, "The host is shutting down.");
        }

        _closing.Cancel();
        journal?.Dispose();
    }

    private void Load(JournalRecord record, List<JournalAddress> garbage)
    {
        TaskRecord task;
        try
        {
            task = JsonSerializer.Deserialize(record.Head.Span, CoreJson.TypeInfo<TaskRecord>())!;
        }
        catch (JsonException exception)
        {
            // Its checksum is right, so it was written like this: by a later version. What that has promised is not ours to pass over.
            throw new JournalException(string.Create(CultureInfo.InvariantCulture,
                $"The record at offset {record.Address.Offset} of segment {record.Address.Segment} cannot be read; a later version of the app may have written it."), exception);
        }

        if (!_tasks.TryGetValue(task.Id, out var entry))
        {
            entry = new TaskEntry(task);
            Index(entry);
        }

        garbage.AddRange(entry.Keep(task, record.Address));
        entry.Decided = entry.Kept!;
    }

    private void Index(TaskEntry entry)
    {
        _tasks.Add(entry.Decided.Id, entry);
        _inOrder.Add(entry);
        _lastSequence = Math.Max(_lastSequence, entry.Sequence);
        if (entry.Decided.Definition.IdempotencyKey is { } key)
        {
            _keys[key] = entry;
        }
    }

    private async Task WriteAsync(TaskEntry entry, TaskRecord record, ReadOnlyMemory<byte> payload)
    {
        EnsureOpen();
        var address = await _journal!.AppendAsync(RawJson.From(record, CoreJson.TypeInfo<TaskRecord>()).Utf8, payload);
        lock (Gate)
        {
            // It may have been forgotten meanwhile.
            foreach (var garbage in _tasks.ContainsKey(record.Id) ? entry.Keep(record, address) : [address])
            {
                Release(garbage);
            }

            CleanIfWorthwhile();
        }
    }

    private async Task InsistAsync(Task first, TaskEntry entry, TaskRecord record, ReadOnlyMemory<byte> payload)
    {
        var writing = first;
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                await writing;
                return;
            }
            catch (JournalException exception)
            {
                LogNotWritten(logger, record.Id, pause.TotalSeconds, exception);
                await Task.Delay(pause, time, _closing.Token);
            }

            lock (Gate)
            {
                if (entry.Decided != record)
                {
                    // What was decided later says all that this would.
                    return;
                }

                writing = WriteAsync(entry, record, payload);
            }
        }
    }

    private void Release(JournalAddress address) => _journal?.Release(address);

    /// <summary>Under the gate.</summary>
    private void CleanIfWorthwhile()
    {
        if (!_isCleaning && _journal?.SegmentToClean is not null)
        {
            _isCleaning = true;
            _ = CleanAsync(_journal);
        }
    }

    /// <summary>Writes anew what is needed of the oldest segments, and removes them.</summary>
    private async Task CleanAsync(Journal journal)
    {
        await Task.Yield();
        try
        {
            while (journal.SegmentToClean is { } segment)
            {
                List<TaskEntry> entries;
                lock (Gate)
                {
                    entries = [.. _tasks.Values.Where(entry => entry.LiesIn(segment))];
                }

                foreach (var entry in entries)
                {
                    await MoveAsync(entry, segment);
                }

                lock (Gate)
                {
                    if (!_tasks.Values.Any(entry => entry.LiesIn(segment)))
                    {
                        journal.Remove(segment);
                        continue;
                    }
                }

                // Something about to be written held one of them up.
                await Task.Delay(FirstPause, time, _closing.Token);
            }
        }
        catch (Exception exception) when (exception is JournalException or OperationCanceledException or ProblemException)
        {
            // The next change tries again.
            LogNotCleaned(logger, exception);
        }
        finally
        {
            lock (Gate)
            {
                _isCleaning = false;
            }
        }
    }

    private async Task MoveAsync(TaskEntry entry, int segment)
    {
        var payload = Read(entry);
        Task moved;
        lock (Gate)
        {
            // An outcome on its way takes the place of the input that was just read.
            if (!entry.LiesIn(segment) || entry.Kept is null || entry.Decided.IsFinished != entry.Kept.IsFinished)
            {
                return;
            }

            moved = WriteAsync(entry, entry.Decided, payload);
        }

        await moved;
    }

    [LoggerMessage(EventId = 10, Level = LogLevel.Error, Message = "The directory of the tasks, {Directory}, cannot be used; tasks are refused")]
    private static partial void LogUnavailable(ILogger logger, string directory, Exception exception);

    [LoggerMessage(EventId = 11, Level = LogLevel.Error, Message = "A change of task {Id} could not be written; next try in {Seconds} s")]
    private static partial void LogNotWritten(ILogger logger, string id, double seconds, Exception exception);

    [LoggerMessage(EventId = 12, Level = LogLevel.Warning, Message = "The journal of the tasks could not be compacted now")]
    private static partial void LogNotCleaned(ILogger logger, Exception exception);
}
