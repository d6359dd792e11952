namespace FunctionsApp.Core.Problems;

/// <summary>Finds the names that a mistyped one may stand for.</summary>
public static class NearestNames
{
    private const int MaxNames = 3;

    /// <summary>Names from outside may be longer. They must cost no more than real ones.</summary>
    private const int MaxLength = 64;

    /// <summary>Returns up to three names, nearest first.</summary>
    /// <param name="name">The mistyped name. It may also be one part of the right one, such as <c>count</c> of <c>primes.count</c>.</param>
    /// <param name="known">The right names.</param>
    public static IReadOnlyList<string> Of(string name, IEnumerable<string> known) => name.Length > MaxLength ? [] :
        [.. known
            .Select(candidate => (Name: candidate, Distance: Distance(name.ToUpperInvariant(), candidate.ToUpperInvariant())))
            .Where(candidate => candidate.Distance <= Math.Max(2, candidate.Name.Length / 3)
                || candidate.Name.Split('.', ':').Contains(name, StringComparer.OrdinalIgnoreCase))
            .OrderBy(static candidate => candidate.Distance)
            .ThenBy(static candidate => candidate.Name, StringComparer.Ordinal)
            .Take(MaxNames)
            .Select(static candidate => candidate.Name)];

    /// <summary>Counts the edits between two words; a swap of neighbours counts as one (optimal string alignment).</summary>
    private static int Distance(string left, string right)
    {
        var (twoAgo, previous, current) = (new int[right.Length + 1], new int[right.Length + 1], new int[right.Length + 1]);
        for (var j = 0; j <= right.Length; j++)
        {
            previous[j] = j;
        }

        for (var i = 1; i <= left.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var cost = left[i - 1] == right[j - 1] ? 0 : 1;
                current[j] = Math.Min(Math.Min(current[j - 1] + 1, previous[j] + 1), previous[j - 1] + cost);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    current[j] = Math.Min(current[j], twoAgo[j - 2] + 1);
                }
            }

            (twoAgo, previous, current) = (previous, current, twoAgo);
        }

        return previous[right.Length];
    }
}
