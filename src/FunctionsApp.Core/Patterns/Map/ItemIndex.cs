namespace FunctionsApp.Core.Patterns.Map;

/// <summary>
/// Where the items of a text start. Only every 64th start is kept: whoever computes the items between two of them finds
/// them again. So the index of a million items takes 64 KiB.
/// </summary>
internal sealed class ItemIndex
{
    private const int ItemsPerMark = 64;

    private readonly List<int> _marks = [];

    /// <summary>How many items there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds the next item.</summary>
    /// <param name="start">Where it starts; white space may precede it.</param>
    public void Add(int start)
    {
        if (Count % ItemsPerMark == 0)
        {
            _marks.Add(start);
        }

        Count++;
    }

    /// <summary>Returns the last kept start up to an item, and how many items are between the two.</summary>
    /// <param name="item">The item's number, from 0; any number if there are none.</param>
    public (int Start, int Between) Find(int item) => Count == 0 ? default : (_marks[item / ItemsPerMark], item % ItemsPerMark);
}
