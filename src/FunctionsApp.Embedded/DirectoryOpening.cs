using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Embedded;

/// <summary>
/// Opens the directory of the tasks. While another process holds it, or it cannot be read, tasks are refused and the app tries again.
/// If it holds what cannot be used, tasks are refused for good. Everything but tasks works meanwhile.
/// </summary>
internal sealed class DirectoryOpening(
    DatabaseAccess access, SigningKeys keys, IOptions<TasksOptions> options, TimeProvider time, ILogger<TaskStore> logger)
{
    private static readonly TimeSpan PauseWhileInUse = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(30);

    /// <summary>How many pauses callers wait for a predecessor that is about to end, before they are refused: 3 s.</summary>
    private const int MaxPatientPauses = 30;

    /// <summary>Opens the directory; creates it if it does not exist.</summary>
    /// <param name="opened">Takes the database over. If it throws, the directory counts as one that cannot be read.</param>
    /// <returns>Whether it is open; otherwise tasks are refused for good.</returns>
    /// <exception cref="OperationCanceledException">The host stops.</exception>
    public async Task<bool> RunAsync(Action<TaskDatabase> opened)
    {
        var path = Path.GetFullPath(options.Value.Directory);
        for (var pauses = 0; ;)
        {
            try
            {
                if (TaskDirectory.TryTake(path) is { } directory)
                {
                    await OpenAsync(directory, opened);
                    return true;
                }

                if (pauses++ == MaxPatientPauses)
                {
                    TaskLog.Unavailable(
                        logger, path, "Another process uses it. Give each process a directory of its own (Tasks:Directory).");
                    access.Refuse("The directory of the tasks is in use by another process.");
                }

                // No event reports that another process has freed a lock.
                await Task.Delay(PauseWhileInUse, time, access.Stopping);
            }
            catch (Exception exception) when (StorageException.IsCausedBy(exception))
            {
                TaskLog.Unavailable(logger, path, exception.Message);
                var reason = (exception as StorageException)?.Reason ?? "The directory of the tasks cannot be used. The log has the cause.";
                access.Refuse(reason, isFault: true);
                pauses = 0;
                if (exception is StorageException { InnerException: null })
                {
                    // No retry changes what the directory holds, and somebody may be recovering it.
                    return false;
                }

                await Task.Delay(PauseAfterFailure, time, access.Stopping);
            }
        }
    }

    private async Task OpenAsync(TaskDirectory directory, Action<TaskDatabase> opened)
    {
        // Checking a large database takes seconds, too long for a thread of the pool.
        var database = await Task.Factory.StartNew(
            () => TaskDatabase.Open(directory, time, logger),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        try
        {
            await ProvideSigningKeyAsync(database, directory.DatabasePath);
            opened(database);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    private async Task ProvideSigningKeyAsync(TaskDatabase database, string path)
    {
        var error = await keys.EnsureAsync(async key =>
        {
            if (database.Read(static queries => queries.Scalar("SELECT key FROM signing_keys")) is string stored)
            {
                return stored;
            }

            await database.Writer.WriteAsync(new SigningKeyInsertion(key));
            return key;
        });
        if (error is not null)
        {
            // The message must not contain the value: it may be almost a key.
            throw new StorageException(
                $"The table signing_keys of '{path}' has an invalid signing key: it {error}. "
                + "Delete the row, and the app generates a new key.");
        }

        if (keys.NeedsGenerated)
        {
            TaskLog.SigningKey(logger, path);
        }
    }
}
