namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>The sizes and the patience of a <see cref="Journal"/>.</summary>
internal sealed record JournalOptions
{
    /// <summary>Bytes from which on a segment is full, and the next one is begun. Default 32 MiB.</summary>
    public long SegmentBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>Bytes of garbage that are put up with, beside as many as are live. Default 16 MiB.</summary>
    public long SlackBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Bytes that <c>damaged/</c> may hold; what is damaged beyond that stays where it is. Default 64 MiB.</summary>
    public long MaxDamagedBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>How long to wait for a predecessor that is just ending to give up the directory. Default 3 seconds.</summary>
    public TimeSpan LockPatience { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Opens the file of a segment, by its path; tests have it fail.</summary>
    public Func<string, FileMode, JournalFile> OpenFile { get; init; } = static (path, mode) => new JournalFile(path, mode);
}
