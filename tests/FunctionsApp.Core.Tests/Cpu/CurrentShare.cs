using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Requests;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>The share of the current request; null for none.</summary>
internal static class CurrentShare
{
    public static CpuShare? Value
    {
        get => RequestContext.Get<CpuShare>();
        set
        {
            RequestContext.Remove<CpuShare>();
            if (value is not null)
            {
                RequestContext.Set(value);
            }
        }
    }
}
