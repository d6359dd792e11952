namespace FunctionsApp.Core.Cpu;

/// <summary>How long an item has taken of late: a moving average, in which the last few portions count most.</summary>
internal struct Pace
{
    /// <summary>In seconds; 0 while none has been computed.</summary>
    public double SecondsPerItem { get; private set; }

    /// <summary>Notes that some items were computed.</summary>
    /// <param name="items">How many.</param>
    /// <param name="took">How long they took together.</param>
    public void Note(int items, TimeSpan took)
    {
        var perItem = took.TotalSeconds / items;
        SecondsPerItem = SecondsPerItem == 0 ? perItem : (SecondsPerItem * 0.8) + (perItem * 0.2);
    }
}
