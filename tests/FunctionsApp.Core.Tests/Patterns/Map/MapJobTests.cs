using FunctionsApp.Core.Patterns.Map;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>How a map is cut into chunks.</summary>
public sealed class MapJobTests : MapTests
{
    [Theory]
    [InlineData(10, 3, "3 3 3 1")]
    [InlineData(10, 10, "10")]
    [InlineData(10, 100_000_000, "10")]
    [InlineData(3, 1, "1 1 1")]
    public async Task A_requested_chunk_size_is_kept(int items, int chunkSize, string counts) =>
        Assert.Equal(counts, Counts(await MapAsync("test.number", $$"""{"items":{{Items(items)}},"chunkSize":{{chunkSize}},"workers":1}""")));

    [Fact]
    public async Task The_first_chunk_is_one_item_and_chunks_of_quick_items_grow_and_shrink_towards_the_end() =>
        Assert.Equal("1 8 46 23 11 6 3 1 1", Counts(await MapAsync("test.number", $$"""{"items":{{Items(100)}},"workers":1}""")));

    [Theory]
    [InlineData(1.0, "1 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 2 1 1")]
    [InlineData(2.5, "1 2 2 2 2 2")]
    public async Task Chunks_take_about_five_milliseconds(double itemMs, string start)
    {
        Advance(itemMs);

        Assert.StartsWith(start, Counts(await MapAsync("test.number", $$"""{"items":{{Items(100)}},"workers":1}""")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Items_that_take_long_are_taken_one_by_one()
    {
        Advance(6);

        Assert.Equal(string.Join(' ', Enumerable.Repeat("1", 30)), Counts(await MapAsync("test.number", $$"""{"items":{{Items(30)}},"workers":1}""")));
    }

    [Fact]
    public async Task A_map_whose_items_get_slower_gets_smaller_chunks()
    {
        var computed = 0;
        Hook.Number = (input, _) =>
        {
            Time.Advance(TimeSpan.FromMilliseconds(++computed <= 9 ? 0.1 : 10));
            return input.X;
        };

        // 1 quick item, 8 quick ones, then as many as a quick one's time allows; after that they are known to be slow.
        Assert.StartsWith("1 8 50 1 1 1", Counts(await MapAsync("test.number", $$"""{"items":{{Items(500)}},"workers":1}""")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chunks_cover_all_items_without_gap_or_overlap()
    {
        Settings = [("Cpu:Threads", "4")];

        var chunks = (await MapAsync("test.number", $$"""{"items":{{Items(10_000)}}}""")).Chunks!;

        Assert.Equal(chunks.Select(static chunk => chunk.From + chunk.Count), [.. chunks.Skip(1).Select(static chunk => chunk.From), 10_000]);
    }

    [Fact]
    public async Task A_chunk_has_its_times_and_its_worker()
    {
        Advance(4);

        Assert.Equal(
            [new MapChunk(0, 2, 0, 0, 8), new MapChunk(2, 1, 0, 8, 12)],
            (await MapAsync("test.number", """{"items":[1,2,3],"chunkSize":2,"workers":1}""")).Chunks);
    }

    [Fact]
    public async Task The_duration_is_in_milliseconds()
    {
        Advance(4);

        Assert.Equal(12, (await MapAsync("test.number", """{"items":[1,2,3],"workers":1}""")).ElapsedMs);
    }

    private void Advance(double itemMs) => Hook.Number = (input, _) =>
    {
        Time.Advance(TimeSpan.FromMilliseconds(itemMs));
        return input.X;
    };

    private static string Counts(MapResponse response) => string.Join(' ', response.Chunks!.Select(static chunk => chunk.Count));
}
