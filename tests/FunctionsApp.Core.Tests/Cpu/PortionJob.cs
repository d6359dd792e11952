using FunctionsApp.Core.Cpu;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>A job that does in each portion what a test says.</summary>
/// <param name="items">How many items there are at first.</param>
/// <param name="workers">How many portions may be computed at once.</param>
/// <param name="compute">Computes a portion, and tells how many of its items it computed.</param>
/// <param name="portion">How many items a portion asks for.</param>
/// <param name="isOpen">Whether items may be added later.</param>
internal sealed class PortionJob(int items, int workers, Func<Portion, CpuTurn, int> compute, int portion = 1, bool isOpen = false)
    : CpuJob(items, workers, isOpen)
{
    /// <summary>A job whose portions are computed whole.</summary>
    public PortionJob(int items, int workers, Action<Portion> compute, int portion = 1)
        : this(items, workers, (taken, _) =>
        {
            compute(taken);
            return taken.Count;
        }, portion)
    {
    }

    /// <summary>A job whose portions end between two items when their turn does.</summary>
    /// <param name="items">How many items there are at first.</param>
    /// <param name="workers">How many portions may be computed at once.</param>
    /// <param name="compute">Computes an item.</param>
    /// <param name="portion">How many items a portion asks for.</param>
    /// <param name="isOpen">Whether items may be added later.</param>
    /// <param name="note">Is told what was taken, and how many items were computed.</param>
    public static PortionJob OfItems(
        int items, int workers, Action<long> compute, int portion = int.MaxValue, bool isOpen = false, Action<Portion, int>? note = null) =>
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
        }, portion, isOpen);

    protected override int NextPortion(long from, int waiting) => portion;

    protected override int ComputeItems(Portion portion, CpuTurn turn) => compute(portion, turn);
}
