using FunctionsApp.Core.Cpu;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>A job that does in each portion what a test says.</summary>
internal sealed class PortionJob(int items, int lanes, Action<Portion> compute, int portion = 1) : CpuJob(items, lanes)
{
    protected override int NextPortion(int waiting) => portion;

    protected override void Compute(Portion portion) => compute(portion);
}
