using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Core.Health;

/// <summary>Says whether the app takes work.</summary>
public sealed class HealthService(CpuScheduler scheduler, ITaskEngine tasks)
{
    /// <summary>New work is taken.</summary>
    /// <exception cref="ProblemException">
    /// <c>saturated</c> when so much waits for the CPU that more would be refused; <c>storage-failed</c> when tasks could be kept
    /// and cannot any more.
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
    /// <summary>The process answers: that is all it says.</summary>
    public static HealthResponse Live { get; } = new("live");
}
