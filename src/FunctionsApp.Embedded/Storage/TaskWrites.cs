using Microsoft.Data.Sqlite;

namespace FunctionsApp.Embedded.Storage;

/// <summary>The connection that writes. Only the writer's thread uses it.</summary>
internal sealed class TaskWrites(SqliteConnection connection) : TaskQueries(connection)
{
    /// <summary>The page size. A small task changes some bytes on seven pages, and each is written whole.</summary>
    public const int PageBytes = 2_048;

    /// <summary>Bytes that the database uses, without the log and free pages.</summary>
    public long UsedBytes => ((long)Scalar("PRAGMA page_count")! - (long)Scalar("PRAGMA freelist_count")!) * PageBytes;

    /// <summary>Rows changed since the connection was opened, including those of failed transactions.</summary>
    public int Changes => SQLitePCL.raw.sqlite3_total_changes(Connection.Handle);

    /// <summary>Rolls a failed transaction back, unless SQLite has done so already.</summary>
    public void RollBack()
    {
        if (SQLitePCL.raw.sqlite3_get_autocommit(Connection.Handle) == 0)
        {
            Run("ROLLBACK");
        }

        // The log restarts from its beginning once the database contains all of it. A full disk then has room for changes that
        // need no new page.
        Scalar("PRAGMA wal_checkpoint(PASSIVE)");
    }
}
