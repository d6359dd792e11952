using System.Text;
using FunctionsApp.Core.Tasks.Embedded;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tests.Tasks.Embedded;

/// <summary>A directory for a journal, and what the tests of it need. Records are text here: a head and a payload.</summary>
public abstract class JournalTestBase : IDisposable
{
    protected static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>In memory where that can be had: thousands of journals are opened here, and each is flushed several times.</summary>
    private static readonly string Root = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    /// <summary>The directory; it is not there at first.</summary>
    protected string Folder { get; } = Path.Combine(Root, $"journal-{Guid.NewGuid():N}");

    /// <summary>What the journal logged since the test, or <see cref="Clear"/>, began.</summary>
    internal LogEntries Log { get; } = new();

    /// <summary>The records that the last <see cref="Open"/> found.</summary>
    internal List<JournalRecord> Found { get; private set; } = [];

    protected string DamagedFolder => Path.Combine(Folder, "damaged");

    /// <summary>The paths of the segments, the oldest first.</summary>
    protected string[] Segments => [.. Directory.GetFiles(Folder, "*.log").Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        Clear();
        GC.SuppressFinalize(this);
    }

    /// <summary>Begins anew, without a journal.</summary>
    protected void Clear()
    {
        if (Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true);
        }

        Log.Clear();
    }

    internal Journal Open(JournalOptions? options = null)
    {
        Found = [];
        return Journal.Open(Folder, options ?? new JournalOptions(), Found.Add, Log);
    }

    /// <summary>Opens the journal, and reads everything.</summary>
    internal List<(string Head, string Payload)> ReadAll(JournalOptions? options = null)
    {
        using var journal = Open(options);
        return Read(journal);
    }

    /// <summary>The records that were found, as text.</summary>
    internal List<(string Head, string Payload)> Read(Journal journal) =>
        [.. Found.Select(record => (Text(record.Head), Text(journal.ReadPayload(record.Address))))];

    internal static Task<JournalAddress> AppendAsync(Journal journal, string head, string payload) =>
        journal.AppendAsync(Bytes(head), Bytes(payload)).WaitAsync(Limit);

    /// <summary>Appends records, and closes the journal.</summary>
    internal async Task<List<JournalAddress>> WriteAsync(IEnumerable<(string Head, string Payload)> records, JournalOptions? options = null)
    {
        using var journal = Open(options);
        var addresses = new List<JournalAddress>();
        foreach (var (head, payload) in records)
        {
            addresses.Add(await AppendAsync(journal, head, payload));
        }

        return addresses;
    }

    // Latin-1, so that any byte is a character.
    protected static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    protected static string Text(ReadOnlyMemory<byte> bytes) => Encoding.Latin1.GetString(bytes.Span);
}

/// <summary>Keeps what is logged.</summary>
internal sealed class LogEntries : ILogger
{
    private readonly List<(LogLevel Level, string Message, IReadOnlyDictionary<string, object?> Values)> _entries = [];

    public IReadOnlyList<(LogLevel Level, string Message, IReadOnlyDictionary<string, object?> Values)> Warnings =>
        [.. _entries.Where(static entry => entry.Level >= LogLevel.Warning)];

    public IReadOnlyList<string> Messages => [.. _entries.Select(static entry => entry.Message)];

    public void Clear() => _entries.Clear();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _entries.Add((logLevel, formatter(state, exception), ((IEnumerable<KeyValuePair<string, object?>>)state!).ToDictionary()));
}
