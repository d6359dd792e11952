namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Keeps a directory to one process. The system frees the lock when the process ends, however it does.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private readonly FileStream _file;

    private DirectoryLock(FileStream file) => _file = file;

    /// <summary>Takes the lock.</summary>
    /// <param name="directory">The directory, which exists.</param>
    /// <returns>Null while another process has it.</returns>
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

    /// <summary>Frees the lock. The file stays: to delete it could take it from a successor.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>ERROR_SHARING_VIOLATION on Windows, EAGAIN on Linux and macOS; any other error is no lock of another process.</summary>
    private static bool IsInUse(IOException exception) => exception.HResult is unchecked((int)0x80070020) or 11 or 35;
}
