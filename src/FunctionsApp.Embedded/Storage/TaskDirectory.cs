namespace FunctionsApp.Embedded.Storage;

/// <summary>
/// The directory of a database, which one process holds at a time: the system frees its lock when the process ends, even after a crash.
/// Only the owner can read what is created in it; on Windows it inherits the access rights of its parent.
/// </summary>
internal sealed class TaskDirectory : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly FileStream _lock;

    private TaskDirectory(string databasePath, FileStream @lock) => (DatabasePath, _lock) = (databasePath, @lock);

    /// <summary>The path of the database, which may not exist yet.</summary>
    public string DatabasePath { get; }

    /// <summary>Takes a directory; creates it if it does not exist.</summary>
    /// <returns>The directory; null while another process holds it.</returns>
    public static TaskDirectory? TryTake(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
        }

        try
        {
            return new TaskDirectory(Path.Combine(path, "tasks.db"), OpenFile(Path.Combine(path, "lock"), FileShare.None));
        }
        catch (IOException exception) when (IsInUse(exception))
        {
            return null;
        }
    }

    /// <summary>Creates the file of the database, if it does not exist.</summary>
    public void CreateDatabaseFile() => OpenFile(DatabasePath, FileShare.ReadWrite).Dispose();

    /// <summary>Frees the directory. The file of the lock stays: deleting it could remove a successor's lock.</summary>
    public void Dispose() => _lock.Dispose();

    /// <summary>ERROR_SHARING_VIOLATION on Windows, EAGAIN on Linux and macOS. Any other error is not another process's lock.</summary>
    private static bool IsInUse(IOException exception) => exception.HResult is unchecked((int)0x80070020) or 11 or 35;

    private static FileStream OpenFile(string path, FileShare share)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        return new FileStream(path, options);
    }
}
