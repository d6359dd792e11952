using Microsoft.Win32.SafeHandles;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>The open file of a segment. Thread-safe: nothing of it depends on a current position.</summary>
internal class JournalFile : IDisposable
{
    private readonly FileStream _stream;
    private readonly SafeFileHandle _handle;

    /// <summary>Opens the file. It may be read and deleted by others while it is open.</summary>
    public JournalFile(string path, FileMode mode)
    {
        Path = path;
        _stream = JournalDirectory.OpenFile(path, mode, FileShare.Read | FileShare.Delete);
        _handle = _stream.SafeFileHandle;
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }

    /// <summary>Bytes in the file.</summary>
    public long Length => RandomAccess.GetLength(_handle);

    /// <summary>Reads what there is at an offset; 0 bytes at the end.</summary>
    public virtual int Read(Span<byte> destination, long offset) => RandomAccess.Read(_handle, destination, offset);

    /// <summary>Writes the parts one after the other.</summary>
    public virtual void Write(IReadOnlyList<ReadOnlyMemory<byte>> parts, long offset) => RandomAccess.Write(_handle, parts, offset);

    /// <summary>Returns when the disk has all that was written.</summary>
    public virtual void Flush() => RandomAccess.FlushToDisk(_handle);

    /// <summary>Cuts the file off.</summary>
    public virtual void Cut(long length) => RandomAccess.SetLength(_handle, length);

    /// <summary>Closes the file, once the reads that are under way have ended.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        GC.SuppressFinalize(this);
    }
}
