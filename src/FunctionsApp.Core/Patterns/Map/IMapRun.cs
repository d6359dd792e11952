namespace FunctionsApp.Core.Patterns.Map;

/// <summary>One running map: a <see cref="MapJob"/> on the cores, or a <see cref="CallMap"/>.</summary>
internal interface IMapRun : IDisposable
{
    /// <summary>The maximum number of workers; null for calls.</summary>
    int? Workers { get; }

    /// <summary>Runs all items to their end. When this returns, nothing of the map runs any more.</summary>
    Task RunAsync();

    /// <summary>Adds items, and waits until there is room for more.</summary>
    ValueTask AddAsync(ItemBuffer items, CancellationToken cancellationToken);

    /// <summary>Notes that no more items are added.</summary>
    void Close();

    /// <summary>Frees the room of a chunk that was sent.</summary>
    void NoteSent(ChunkResults chunk);
}
