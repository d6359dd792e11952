using System.Collections.Frozen;
using Microsoft.Extensions.DependencyInjection;

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

/// <summary>Registration of patterns.</summary>
public static class TaskPatternServices
{
    /// <summary>Adds a pattern that can run as a task, both as itself and as an <see cref="ITaskPattern"/>.</summary>
    /// <typeparam name="T">The pattern's service. One instance serves all requests, so it must be thread-safe.</typeparam>
    public static IServiceCollection AddTaskPattern<T>(this IServiceCollection services)
        where T : class, ITaskPattern => services
        .AddSingleton<T>()
        .AddSingleton<ITaskPattern>(static provider => provider.GetRequiredService<T>());
}
