using FunctionsApp.Core.Patterns;

namespace Microsoft.Extensions.DependencyInjection;

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
