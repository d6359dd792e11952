using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Core.Health;

/// <summary>Reports whether the app accepts work.</summary>
public sealed class HealthService(CpuScheduler scheduler, ITaskEngine tasks)
{
    /// <summary>Returns if the app accepts new work.</summary>
    /// <exception cref="ProblemException">
    /// <c>saturated</c> if so much waits for the CPU that more would be refused; <c>storage-failed</c> if tasks can no longer
    /// be stored.
    /// </exception>
    public HealthResponse Ready()
    {
        scheduler.EnsureRoom();
        tasks.EnsureReady();
        return new HealthResponse("ready");
    }
}

/// <summary>The state of the app.</summary>
/// <param name="Status"><c>live</c> or <c>ready</c>.</param>
public sealed record HealthResponse(string Status)
{
    /// <summary>The process responds; checks nothing else.</summary>
    public static HealthResponse Live { get; } = new("live");
}
