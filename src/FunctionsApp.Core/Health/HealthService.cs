using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Health;

/// <summary>Says whether the app takes work.</summary>
public sealed class HealthService(CpuScheduler scheduler)
{
    /// <summary>New work is taken.</summary>
    /// <exception cref="ProblemException"><c>saturated</c> when so much waits for the CPU that more would be refused.</exception>
    public HealthAnswer Ready()
    {
        scheduler.EnsureRoom();
        return new HealthAnswer("ready");
    }
}

/// <summary>The state of the app.</summary>
/// <param name="Status"><c>live</c> or <c>ready</c>.</param>
public sealed record HealthAnswer(string Status)
{
    /// <summary>The process answers: that is all it says.</summary>
    public static HealthAnswer Live { get; } = new("live");
}
