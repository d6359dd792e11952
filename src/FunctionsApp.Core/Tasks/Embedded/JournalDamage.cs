using System.Globalization;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Keeps copies of what is damaged in a journal, for somebody who may know what to make of it.</summary>
/// <param name="directory">The directory of the journal.</param>
/// <param name="maxBytes">The value of <see cref="JournalOptions.MaxDamagedBytes"/>.</param>
internal sealed class JournalDamage(string directory, long maxBytes)
{
    private readonly string _directory = Path.Combine(directory, "damaged");
    private long? _bytes;

    /// <summary>Copies a part of a segment, unless that has been done before.</summary>
    /// <returns>Where the copy is; null when there is no room for it.</returns>
    public string? SetAside(JournalReader segment, int number, long offset, long length)
    {
        var path = Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"{number:D10}-{offset}"));
        if (File.Exists(path))
        {
            return path;
        }

        JournalDirectory.Create(_directory);
        _bytes ??= new DirectoryInfo(_directory).EnumerateFiles().Sum(static file => file.Length);
        if (_bytes + length > maxBytes)
        {
            return null;
        }

        _bytes += length;

        // Under another name at first, or half a copy would pass for one the next time.
        var part = path + ".part";
        using (var copy = JournalDirectory.OpenFile(part, FileMode.Create, FileShare.Read))
        {
            segment.CopyTo(copy, offset, length);
            copy.Flush(flushToDisk: true);
        }

        File.Move(part, path, overwrite: true);
        JournalDirectory.Flush(_directory);
        return path;
    }
}
