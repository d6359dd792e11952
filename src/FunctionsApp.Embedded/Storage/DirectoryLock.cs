namespace FunctionsApp.Embedded.Storage;

/// <summary>Reserves a directory for one process. The system frees the lock when the process ends, even after a crash.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private readonly FileStream _file;

    private DirectoryLock(FileStream file) => _file = file;

    /// <summary>Takes the lock.</summary>
    /// <param name="directory">An existing directory.</param>
    /// <returns>The lock; null while another process holds it.</returns>
    public static DirectoryLock? TryTake(string directory)
    {
        try
        {
            return new DirectoryLock(PrivateDirectory.OpenFile(Path.Combine(directory, "lock"), FileShare.None));
        }
        catch (IOException exception) when (IsInUse(exception))
        {
            return null;
        }
    }

    /// <summary>Frees the lock. The file stays: deleting it could remove a successor's lock.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>ERROR_SHARING_VIOLATION on Windows, EAGAIN on Linux and macOS. Any other error is not another process's lock.</summary>
    private static bool IsInUse(IOException exception) => exception.HResult is unchecked((int)0x80070020) or 11 or 35;
}
