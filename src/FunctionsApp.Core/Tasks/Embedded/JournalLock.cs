namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Keeps a directory to one journal. The system gives the lock up when the process ends, however it does.</summary>
internal sealed class JournalLock : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly FileStream _file;

    private JournalLock(FileStream file) => _file = file;

    /// <summary>Takes the lock.</summary>
    /// <param name="directory">The directory, which is there.</param>
    /// <param name="patience">How long to wait for whoever has it.</param>
    /// <exception cref="DirectoryInUseException">Somebody still has it then.</exception>
    public static JournalLock Take(string directory, TimeSpan patience)
    {
        // Nobody tells when another process gives a lock up, so it is tried again.
        using var never = new ManualResetEvent(initialState: false);
        for (var left = patience; ; left -= Pause)
        {
            try
            {
                return new JournalLock(JournalDirectory.OpenFile(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileShare.None));
            }
            catch (IOException exception) when (IsInUse(exception))
            {
                if (left <= TimeSpan.Zero)
                {
                    throw new DirectoryInUseException(directory, exception);
                }
            }

            never.WaitOne(Pause);
        }
    }

    /// <summary>Gives the lock up. The file stays: to delete it could take it from a successor.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>ERROR_SHARING_VIOLATION on Windows, EAGAIN on Linux and macOS; else it is no lock that is in the way.</summary>
    private static bool IsInUse(IOException exception) => exception.HResult is unchecked((int)0x80070020) or 11 or 35;
}
