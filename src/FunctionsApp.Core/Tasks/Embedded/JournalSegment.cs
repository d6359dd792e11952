namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>A file of the journal, and what is known of it. The journal's gate guards what changes.</summary>
/// <param name="number">Its number, which is its name.</param>
/// <param name="file">The file.</param>
internal sealed class JournalSegment(int number, JournalFile file)
{
    /// <summary>Its number, which is its name.</summary>
    public int Number => number;

    /// <summary>The file.</summary>
    public JournalFile File => file;

    /// <summary>Bytes that are flushed; the file may have more after a failure.</summary>
    public long Bytes { get; set; }

    /// <summary>Bytes of records that are not garbage.</summary>
    public long LiveBytes { get; set; }
}
