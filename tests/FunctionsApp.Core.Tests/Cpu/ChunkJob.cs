using FunctionsApp.Core.Cpu;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>A job that does in each chunk what a test says.</summary>
/// <param name="items">How many items there are at first.</param>
/// <param name="workers">How many chunks may be computed at once.</param>
/// <param name="compute">Computes a chunk, and tells how many of its items it computed.</param>
/// <param name="size">How many items a chunk asks for.</param>
/// <param name="isOpen">Whether items may be added later.</param>
internal sealed class ChunkJob(int items, int workers, Func<CpuChunk, CpuTurn, int> compute, int size = 1, bool isOpen = false)
    : CpuJob(items, workers, isOpen)
{
    /// <summary>A job whose chunks are computed whole.</summary>
    public ChunkJob(int items, int workers, Action<CpuChunk> compute, int size = 1)
        : this(items, workers, (taken, _) =>
        {
            compute(taken);
            return taken.Count;
        }, size)
    {
    }

    /// <summary>A job whose chunks end between two items when their turn does.</summary>
    /// <param name="items">How many items there are at first.</param>
    /// <param name="workers">How many chunks may be computed at once.</param>
    /// <param name="compute">Computes an item.</param>
    /// <param name="size">How many items a chunk asks for.</param>
    /// <param name="isOpen">Whether items may be added later.</param>
    /// <param name="note">Is told what was taken, and how many items were computed.</param>
    public static ChunkJob OfItems(
        int items, int workers, Action<long> compute, int size = int.MaxValue, bool isOpen = false, Action<CpuChunk, int>? note = null) =>
        new(items, workers, (taken, turn) =>
        {
            var computed = 0;
            do
            {
                compute(taken.From + computed);
                computed++;
            }
            while (computed < taken.Count && !turn.IsOver);
            note?.Invoke(taken, computed);
            return computed;
        }, size, isOpen);

    protected override int NextChunkSize(long from, int waiting) => size;

    protected override int ComputeItems(CpuChunk chunk, CpuTurn turn) => compute(chunk, turn);
}
