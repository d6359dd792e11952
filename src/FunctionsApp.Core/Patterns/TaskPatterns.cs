using System.Collections.Frozen;

namespace FunctionsApp.Core.Patterns;

/// <summary>The patterns that can run as tasks.</summary>
public sealed class TaskPatterns(IEnumerable<ITaskPattern> patterns)
{
    private readonly FrozenDictionary<string, ITaskPattern> _byName =
        patterns.ToFrozenDictionary(static pattern => pattern.Name, StringComparer.Ordinal);

    /// <summary>The names that callers can create tasks by, in alphabetical order.</summary>
    public IReadOnlyList<string> Names { get; } =
        [.. patterns.Where(static pattern => pattern.IsNamedByCallers).Select(static pattern => pattern.Name)
            .Order(StringComparer.Ordinal)];

    /// <summary>Finds a registered pattern; null if there is none, such as for a task that another version of the app stored.</summary>
    /// <param name="name">The pattern's name.</param>
    public ITaskPattern? Find(string name) => _byName.GetValueOrDefault(name);
}
