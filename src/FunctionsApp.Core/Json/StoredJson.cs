namespace FunctionsApp.Core.Json;

/// <summary>A large JSON value in storage. It is read while it is sent, and is never in memory as a whole.</summary>
public abstract class StoredJson
{
    /// <summary>Reads a part of the UTF-8 text.</summary>
    /// <param name="offset">Where the part starts, in bytes.</param>
    /// <param name="buffer">The target, filled from its start.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>How many bytes were read; 0 at the end.</returns>
    /// <exception cref="IOException">The value can no longer be read.</exception>
    public abstract ValueTask<int> ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken);
}
