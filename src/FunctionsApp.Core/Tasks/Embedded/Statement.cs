using Microsoft.Data.Sqlite;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>A statement that is compiled when it is first run, and then reused. For one thread at a time.</summary>
internal sealed class Statement : IDisposable
{
    private readonly SqliteCommand _command;

    /// <summary>Creates a statement.</summary>
    /// <param name="connection">Where it runs.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="parameters">The names of its parameters, in the order in which values are given.</param>
    public Statement(SqliteConnection connection, string sql, params ReadOnlySpan<string> parameters)
    {
        _command = connection.CreateCommand();
        _command.CommandText = sql;
        foreach (var name in parameters)
        {
            _command.Parameters.Add(new SqliteParameter { ParameterName = name });
        }
    }

    /// <summary>Runs the statement.</summary>
    /// <param name="values">Integers, texts, arrays of bytes; null is NULL.</param>
    /// <returns>How many rows it changed.</returns>
    public int Run(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return _command.ExecuteNonQuery();
    }

    /// <summary>Runs a query, whose rows are read before the statement is run again.</summary>
    /// <param name="values">As for <see cref="Run"/>.</param>
    public SqliteDataReader Query(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return _command.ExecuteReader();
    }

    /// <summary>Runs a query for one number.</summary>
    /// <param name="values">As for <see cref="Run"/>.</param>
    /// <returns>Null for no row, or NULL.</returns>
    public long? Number(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return _command.ExecuteScalar() as long?;
    }

    public void Dispose() => _command.Dispose();

    private void Bind(ReadOnlySpan<object?> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            _command.Parameters[i].Value = values[i] ?? DBNull.Value;
        }
    }
}
