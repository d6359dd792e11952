using System.Globalization;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// Keeps records on the disk, in the order in which they were appended, in a directory of its own. What is appended at the
/// same time shares a flush (group commit). The records lie in segments, files that are only ever appended to; the owner says
/// which records are garbage, and moves what is live out of the oldest segment so that it can be deleted. Thread-safe.
/// </summary>
internal sealed partial class Journal : IDisposable
{
    // A monitor, not a Lock: the writer waits on it. Nothing is read or written while it is held.
    private readonly object _gate = new();
    private readonly Lock _removal = new();
    private readonly string _directory;
    private readonly JournalOptions _options;
    private readonly JournalLock _lock;
    private readonly ILogger _logger;
    private readonly SortedList<int, JournalSegment> _segments = [];
    private Queue<JournalAppend> _pending = new();
    private Thread? _writer;
    private bool _stopped;
    private long _bytes;
    private long _liveBytes;

    // The segment that is appended to, and the number of the last one; null when a new one is to be begun.
    private JournalSegment? _active;
    private int _last;

    // Of the writer alone: what failed and could not be cut off.
    private readonly List<JournalSegment> _uncut = [];

    private Journal(string directory, JournalOptions options, JournalLock @lock, ILogger logger) =>
        (_directory, _options, _lock, _logger) = (directory, options, @lock, logger);

    /// <summary>Bytes that the journal takes on the disk, garbage included.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _bytes;
            }
        }
    }

    /// <summary>Bytes of the records that have not been released.</summary>
    public long LiveBytes
    {
        get
        {
            lock (_gate)
            {
                return _liveBytes;
            }
        }
    }

    /// <summary>
    /// The oldest segment, when it is to be cleaned: there is more garbage than is live and <see cref="JournalOptions.SlackBytes"/>
    /// beside, or this segment is nothing else. Null when it is not to be; the newest one never is.
    /// </summary>
    public int? SegmentToClean
    {
        get
        {
            lock (_gate)
            {
                if (_segments.Count < 2)
                {
                    return null;
                }

                // That of the newest one is not to be had yet, however much is moved.
                var (oldest, newest) = (_segments.Values[0], _segments.Values[^1]);
                var garbage = _bytes - newest.Bytes - (_liveBytes - newest.LiveBytes);
                return oldest.LiveBytes == 0 || garbage > _liveBytes + _options.SlackBytes ? oldest.Number : null;
            }
        }
    }

    /// <summary>Opens the journal, or creates it.</summary>
    /// <param name="directory">Where it is. Its <c>lock</c> keeps others out as long as the journal is open.</param>
    /// <param name="options">Its options.</param>
    /// <param name="replay">Is handed each record that is sound, in the order in which they were appended.</param>
    /// <param name="logger">Is told what is damaged.</param>
    /// <exception cref="DirectoryInUseException">Another journal has the directory.</exception>
    /// <exception cref="JournalException">A file cannot be read, or the directory not be written. Nothing is lost by that.</exception>
    public static Journal Open(string directory, JournalOptions options, Action<JournalRecord> replay, ILogger logger)
    {
        directory = Path.GetFullPath(directory);
        Journal? journal = null;
        try
        {
            JournalDirectory.Create(directory);
            journal = new Journal(directory, options, JournalLock.Take(directory, options.LockPatience), logger);
            journal.Load(replay);
            return journal;
        }
        catch (Exception exception)
        {
            journal?.Dispose();
            if (exception is not JournalException && JournalException.IsCausedBy(exception))
            {
                throw new JournalException($"The journal in '{directory}' cannot be opened: {exception.Message}", exception);
            }

            throw;
        }
    }

    /// <summary>
    /// Appends a record. Records are written in the order of the calls, which never wait. Each fails by itself: one may be
    /// written though an earlier one failed.
    /// </summary>
    /// <param name="head">What <see cref="JournalRecord.Head"/> will be. Neither may change until the task ends.</param>
    /// <param name="payload">What <see cref="ReadPayload"/> will return; with the head, a little less than 2 GiB at most.</param>
    /// <returns>Where the record is, when the disk has it for good.</returns>
    /// <exception cref="JournalException">Of the task: it could not be written, and will not come up again.</exception>
    /// <exception cref="ObjectDisposedException">Of the task: the journal is closed.</exception>
    public Task<JournalAddress> AppendAsync(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> payload)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)head.Length + payload.Length, JournalLine.MaxContent, nameof(payload));
        var append = new JournalAppend(head, payload);
        lock (_gate)
        {
            if (_stopped)
            {
                append.SetException(new ObjectDisposedException(nameof(Journal)));
                return append.Task;
            }

            _pending.Enqueue(append);
            if (_writer is null)
            {
                _writer = new Thread(Write) { IsBackground = true, Name = "journal" };
                _writer.UnsafeStart();
            }
            else if (_pending.Count == 1)
            {
                Monitor.Pulse(_gate);
            }
        }

        return append.Task;
    }

    /// <summary>Reads a payload.</summary>
    /// <param name="address">Where the record is.</param>
    /// <exception cref="JournalException">It is damaged, or gone, or cannot be read.</exception>
    public ReadOnlyMemory<byte> ReadPayload(JournalAddress address)
    {
        JournalSegment? segment;
        lock (_gate)
        {
            _segments.TryGetValue(address.Segment, out segment);
        }

        if (segment is null)
        {
            throw Gone(address);
        }

        try
        {
            var line = GC.AllocateUninitializedArray<byte>(address.Length);
            for (var (filled, read) = (0, 0); filled < line.Length; filled += read)
            {
                read = segment.File.Read(line.AsSpan(filled), address.Offset + filled);
                if (read == 0)
                {
                    throw new EndOfStreamException("The file is too short.");
                }
            }

            var start = JournalLine.PrefixLength(address.HeadLength, address.PayloadLength);
            return JournalLine.TryReadPrefix(line, address.Segment, address.Offset, out var found, out var checksum) && found == address
                && JournalLine.Add(JournalLine.EmptySum, line.AsSpan(start)) == checksum
                ? line.AsMemory(start + address.HeadLength, address.PayloadLength)
                : throw new JournalException(string.Create(CultureInfo.InvariantCulture,
                    $"The record at offset {address.Offset} of '{segment.File.Path}' is damaged: its checksum is wrong."));
        }
        catch (ObjectDisposedException)
        {
            throw Gone(address);
        }
        catch (Exception exception) when (exception is not JournalException && JournalException.IsCausedBy(exception))
        {
            throw new JournalException(string.Create(CultureInfo.InvariantCulture,
                $"The record at offset {address.Offset} of '{segment.File.Path}' cannot be read: {exception.Message}"), exception);
        }
    }

    /// <summary>Counts a record as garbage from now on; once each.</summary>
    public void Release(JournalAddress address)
    {
        lock (_gate)
        {
            if (_segments.TryGetValue(address.Segment, out var segment))
            {
                segment.LiveBytes -= address.Length;
                _liveBytes -= address.Length;
            }
        }
    }

    /// <summary>Deletes a segment, of which all that is live has been appended anew. No newer record is ever gone before an older one.</summary>
    /// <param name="segment">The oldest one, and not the newest too: so no number is ever used twice.</param>
    /// <exception cref="InvalidOperationException">It is another one.</exception>
    /// <exception cref="JournalException">It cannot be deleted; it is still the oldest then.</exception>
    public void Remove(int segment)
    {
        // One after the other, or a newer one might be deleted while an older one cannot.
        lock (_removal)
        {
            JournalSegment oldest;
            lock (_gate)
            {
                if (_segments.Count < 2 || _segments.Keys[0] != segment)
                {
                    throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                        $"Segment {segment} is not the oldest one, or the only one, so it cannot be removed."));
                }

                oldest = _segments.Values[0];
            }

            try
            {
                File.Delete(oldest.File.Path);
                JournalDirectory.Flush(_directory);
            }
            catch (Exception exception) when (JournalException.IsCausedBy(exception))
            {
                throw new JournalException($"'{oldest.File.Path}' cannot be deleted: {exception.Message}", exception);
            }

            lock (_gate)
            {
                _segments.RemoveAt(0);
                _bytes -= oldest.Bytes;
                _liveBytes -= oldest.LiveBytes;
            }

            oldest.File.Dispose();
        }
    }

    /// <summary>Writes and flushes what has been appended, and gives the directory up.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopped)
            {
                return;
            }

            _stopped = true;
            Monitor.Pulse(_gate);
        }

        _writer?.Join();

        // A segment that is being removed is gone before a successor may have the directory.
        lock (_removal)
        {
            lock (_gate)
            {
                foreach (var segment in _segments.Values)
                {
                    segment.File.Dispose();
                }

                _segments.Clear();
            }
        }

        _lock.Dispose();
    }

    private void Load(Action<JournalRecord> replay)
    {
        var damage = new JournalDamage(_directory, _options.MaxDamagedBytes);
        var found = Directory.EnumerateFiles(_directory).Select(Number).OfType<int>().Order().ToList();
        foreach (var number in found)
        {
            var segment = new JournalSegment(number, _options.OpenFile(PathOf(number), FileMode.Open));
            _segments.Add(number, segment);
            try
            {
                Load(segment, isLast: number == found[^1], replay, damage);
            }
            catch (Exception exception) when (JournalException.IsCausedBy(exception))
            {
                throw new JournalException($"'{segment.File.Path}' cannot be read, or not be mended: {exception.Message}", exception);
            }

            _last = number;
            _bytes += segment.Bytes;
            _liveBytes += segment.LiveBytes;
        }

        if (found.Count > 0)
        {
            JournalDirectory.Flush(_directory);
        }
    }

    private void Load(JournalSegment segment, bool isLast, Action<JournalRecord> replay, JournalDamage damage)
    {
        var reader = new JournalReader(segment.File, segment.Number);
        var end = reader.Replay(
            record =>
            {
                segment.LiveBytes += record.Address.Length;
                replay(record);
            },
            (offset, length) => SetAside(segment, reader, offset, length, damage));

        segment.Bytes = reader.Length;
        if (end < reader.Length)
        {
            var isTorn = isLast && reader.IsTorn(end);
            if (isTorn)
            {
                LogTorn(_logger, reader.Length - end, end, segment.Number);
            }

            // Nothing is cut off that might be of use and has no copy.
            if (isTorn || (SetAside(segment, reader, end, reader.Length - end, damage) && isLast))
            {
                segment.File.Cut(end);
                segment.Bytes = end;
            }
        }

        if (isLast)
        {
            // What a process wrote that ended before it was flushed looks sound; from here on it has to be.
            segment.File.Flush();
            _active = segment.Bytes == end && end < _options.SegmentBytes ? segment : null;
        }
    }

    /// <returns>Whether there is a copy.</returns>
    private bool SetAside(JournalSegment segment, JournalReader reader, long offset, long length, JournalDamage damage)
    {
        string? copy;
        try
        {
            copy = damage.SetAside(reader, segment.Number, offset, length);
        }
        catch (Exception exception) when (JournalException.IsCausedBy(exception))
        {
            LogDamage(_logger, length, offset, segment.Number, $"not made ({exception.Message})");
            return false;
        }

        LogDamage(_logger, length, offset, segment.Number, copy ?? "not made (there are too many already)");
        return copy is not null;
    }

    private void Write()
    {
        var batch = new JournalBatch();
        var taken = new Queue<JournalAppend>();
        while (true)
        {
            lock (_gate)
            {
                while (_pending.Count == 0 && !_stopped)
                {
                    Monitor.Wait(_gate);
                }

                (_pending, taken) = (taken, _pending);
            }

            if (taken.Count == 0)
            {
                break;
            }

            while (taken.Count > 0)
            {
                Write(batch, taken);
            }
        }

        _uncut.RemoveAll(segment => TryCut(segment, LogLevel.Debug));
    }

    /// <summary>Writes as much of what is pending as makes a batch.</summary>
    private void Write(JournalBatch batch, Queue<JournalAppend> pending)
    {
        var segment = _active;
        batch.Begin(segment?.Number ?? _last + 1, segment?.Bytes ?? 0);
        try
        {
            do
            {
                batch.Add(pending.Dequeue());
            }
            while (pending.Count > 0 && batch.HasRoom && batch.Offset + batch.Bytes < _options.SegmentBytes);

            _uncut.RemoveAll(failed => TryCut(failed, LogLevel.Debug));

            // If there is a file of that name, it is of an attempt that failed.
            segment ??= new JournalSegment(batch.Segment, _options.OpenFile(PathOf(batch.Segment), FileMode.Create));
            segment.File.Write(batch.End(), batch.Offset);
            segment.File.Flush();
            if (batch.Offset == 0)
            {
                JournalDirectory.Flush(_directory);
            }
        }
#pragma warning disable CA1031 // Whatever it is, it is told to those who append, and must not end the process.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Abandon(segment);
            foreach (var append in batch.Appends)
            {
                append.SetException(new JournalException($"The journal in '{_directory}' cannot be written: {exception.Message}", exception));
            }

            return;
        }

        lock (_gate)
        {
            segment.Bytes += batch.Bytes;
            segment.LiveBytes += batch.Bytes;
            _bytes += batch.Bytes;
            _liveBytes += batch.Bytes;
            _segments[segment.Number] = segment;
            _active = segment.Bytes < _options.SegmentBytes ? segment : null;
            _last = segment.Number;
        }

        foreach (var append in batch.Appends)
        {
            append.SetResult(append.Address);
        }
    }

    /// <summary>
    /// Takes back what failed, as far as can be. After that the segment is not appended to: what the system has of it in
    /// memory may be other than what is on the disk.
    /// </summary>
    private void Abandon(JournalSegment? segment)
    {
        if (segment is null)
        {
            return;
        }

        if (segment == _active)
        {
            lock (_gate)
            {
                _active = null;
            }

            if (!TryCut(segment, LogLevel.Error))
            {
                _uncut.Add(segment);
            }

            return;
        }

        // It has just been begun, and holds nothing else. The next attempt takes its name.
        segment.File.Dispose();
        try
        {
            File.Delete(segment.File.Path);
        }
        catch (Exception exception) when (JournalException.IsCausedBy(exception))
        {
            LogUncut(_logger, LogLevel.Error, segment.Number, 0, exception);
        }
    }

    private bool TryCut(JournalSegment segment, LogLevel level)
    {
        try
        {
            segment.File.Cut(segment.Bytes);
            segment.File.Flush();
            return true;
        }
        catch (ObjectDisposedException)
        {
            // It has been removed meanwhile.
            return true;
        }
        catch (Exception exception) when (JournalException.IsCausedBy(exception))
        {
            LogUncut(_logger, level, segment.Number, segment.Bytes, exception);
            return false;
        }
    }

    private string PathOf(int segment) => Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"{segment:D10}.log"));

    /// <summary>The number of a segment; null for a file that is none.</summary>
    private int? Number(string path) =>
        int.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number > 0 && string.Equals(path, PathOf(number), StringComparison.Ordinal) ? number : null;

    private static JournalException Gone(JournalAddress address) => new(string.Create(CultureInfo.InvariantCulture,
        $"Segment {address.Segment} of the journal is gone, and the record at its offset {address.Offset} with it."));

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message =
        "The journal is damaged: {Length} bytes at offset {Offset} of segment {Segment} hold no sound record and are left out; copy: {Copy}")]
    private static partial void LogDamage(ILogger logger, long length, long offset, int segment, string copy);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message =
        "The last record of the journal was not written to its end: {Length} bytes at offset {Offset} of segment {Segment} are cut off")]
    private static partial void LogTorn(ILogger logger, long length, long offset, int segment);

    [LoggerMessage(EventId = 3, Message =
        "Segment {Segment} of the journal cannot be cut back to {Length} bytes; records that failed may come up after a restart")]
    private static partial void LogUncut(ILogger logger, LogLevel level, int segment, long length, Exception exception);
}
