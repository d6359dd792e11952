namespace FunctionsApp.Core.Cpu;

/// <summary>The recent time per item: a moving average, in which the last few chunks count most.</summary>
public struct Pace
{
    /// <summary>Seconds per item; 0 while none has been computed.</summary>
    public double SecondsPerItem { get; private set; }

    /// <summary>Records that items were computed.</summary>
    /// <param name="items">The number of items.</param>
    /// <param name="took">Their total time.</param>
    public void Note(int items, TimeSpan took)
    {
        var perItem = took.TotalSeconds / items;
        SecondsPerItem = SecondsPerItem == 0 ? perItem : (SecondsPerItem * 0.8) + (perItem * 0.2);
    }
}
