using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded;

/// <summary>
/// Opens the directory of the tasks. While another process holds it, or it cannot be read, tasks are refused; it is opened when
/// that is over. If what it holds cannot be used, tasks are refused for good. The log says why, and everything but tasks works.
/// </summary>
internal sealed class DirectoryOpening(TaskStore store, SigningKeys keys, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LaterPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(30);

    /// <summary>Opens a directory; creates it if it does not exist.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="opened">Runs under the store's gate after the store is open, before any other use.</param>
    /// <param name="stopping">Ends the wait for the other process.</param>
    /// <returns>Whether it is open; otherwise tasks are refused for good.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="stopping"/> was cancelled.</exception>
    public async Task<bool> RunAsync(string directory, Action opened, CancellationToken stopping)
    {
        directory = Path.GetFullPath(directory);
        while (true)
        {
            try
            {
                await OpenAsync(directory, opened, stopping);
                return true;
            }
            catch (Exception exception) when (StorageException.IsCausedBy(exception))
            {
                TaskLog.Unavailable(logger, directory, exception.Message);
                var reason = (exception as StorageException)?.Reason ?? "The directory of the tasks cannot be used. The log has the cause.";
                store.SetReady(reason, isFault: true);
                if (exception is StorageException { InnerException: null })
                {
                    // No retry changes what the directory holds, and somebody may be recovering it.
                    return false;
                }
            }

            await Task.Delay(PauseAfterFailure, time, stopping);
        }
    }

    private async Task OpenAsync(string directory, Action opened, CancellationToken stopping)
    {
        TaskDatabase? database = null;
        try
        {
            PrivateDirectory.Create(directory);
            var @lock = await TakeLockAsync(directory, stopping);

            // Checking a large database takes seconds, too long for a thread of the pool.
            database = await Task.Factory.StartNew(
                () => TaskDatabase.Open(directory, @lock, logger),
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            await ProvideSigningKeyAsync(database, Path.Combine(directory, TaskDatabase.FileName));
            var (last, live) = database.Read(static queries => (queries.LastSequence(), queries.ReadLive()));
            lock (store.Gate)
            {
                store.Open(database, last, live);
                opened();
            }

            if (live.Count > 0)
            {
                var waiting = live.Count(static task => task.Record.State == TaskState.Queued);
                var interrupted = live.Count(static task => task.Record.State == TaskState.Running);
                TaskLog.GoesOn(logger, waiting, interrupted);
            }

            store.SetReady();
        }
        catch
        {
            database?.Dispose();
            throw;
        }
    }

    private async Task<DirectoryLock> TakeLockAsync(string directory, CancellationToken stopping)
    {
        // No event reports that another process has freed a lock, so the code polls.
        for (var waited = TimeSpan.Zero; ;)
        {
            if (DirectoryLock.TryTake(directory) is { } taken)
            {
                return taken;
            }

            if (waited == Patience)
            {
                TaskLog.InUse(logger, directory);
                store.SetReady("The directory of the tasks is in use by another process.");
            }

            var pause = waited < Patience ? FirstPause : LaterPause;
            await Task.Delay(pause, time, stopping);
            waited += pause;
        }
    }

    private async Task ProvideSigningKeyAsync(TaskDatabase database, string path)
    {
        // The message must not contain the value: it may be almost a key.
        if (await keys.EnsureAsync(key => ShareKeyAsync(database, key)) is { } error)
        {
            throw new StorageException(
                $"The table signing_keys of '{path}' has an invalid signing key: it {error}. "
                + "Delete the row, and the app generates a new key.");
        }

        if (keys.NeedsGenerated)
        {
            TaskLog.SigningKey(logger, path);
        }
    }

    private static async Task<string> ShareKeyAsync(TaskDatabase database, string key)
    {
        if (database.Read(static queries => queries.Scalar("SELECT key FROM signing_keys")) is string stored)
        {
            return stored;
        }

        await database.Writer.WriteAsync(writes => writes.Run("INSERT INTO signing_keys (key) VALUES (?1)", key));
        return key;
    }
}
