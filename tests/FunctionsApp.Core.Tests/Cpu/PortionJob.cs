using FunctionsApp.Core.Cpu;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>A job that does in each portion what a test says.</summary>
internal sealed class PortionJob(int items, int lanes, Action<Portion> compute, int portion = 1) : CpuJob(items, lanes)
{
    protected override int NextPortion(long from, int waiting) => portion;

    protected override int ComputeItems(Portion portion, CpuTurn turn)
    {
        compute(portion);
        return portion.Count;
    }
}
