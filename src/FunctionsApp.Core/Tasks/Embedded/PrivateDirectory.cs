using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>What differs between Unix and Windows in the care of a directory that holds secrets and must not lose a file.</summary>
internal static class PrivateDirectory
{
    /// <summary>O_RDONLY, which is 0 on every Unix.</summary>
    private const int ReadOnly = 0;

    /// <summary>Creates a directory with the parents it needs, for its owner alone. An existing directory stays as it is.</summary>
    public static void Create(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        var parent = Path.GetDirectoryName(path);
        if (parent is not null)
        {
            Create(parent);
        }

        if (OperatingSystem.IsWindows())
        {
            // It has the access rights of its parent.
            Directory.CreateDirectory(path);
            return;
        }

        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Flush(parent!);
    }

    /// <summary>Opens a file for reading and writing; a file that does not exist is created for its owner alone.</summary>
    public static FileStream OpenFile(string path, FileShare share)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return new FileStream(path, options);
    }

    /// <summary>
    /// Flushes which files the directory holds. On Unix flushing a file does not do that: after a loss of power a new file
    /// could be gone, with all that had been flushed to it. Windows keeps its directories by itself.
    /// </summary>
    public static void Flush(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // The framework opens no directories. Its own flush then knows the file systems that have nothing to flush.
        using var handle = Open(path, ReadOnly);
        if (handle.IsInvalid)
        {
            throw new IOException($"The directory '{path}' cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        RandomAccess.FlushToDisk(handle);
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern SafeFileHandle Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
}
