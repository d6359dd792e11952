using FunctionsApp.Core.Limits;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Limits;

/// <summary>What a test hands to code that counts memory, where it is not about memory.</summary>
internal static class Unlimited
{
    /// <summary>An account that charges nobody.</summary>
    public static RequestMemory Memory => new(budget: null, int.MaxValue);

    /// <summary>A gate that has room.</summary>
    public static WorkGate Gate { get; } =
        new(new MemoryBudget(Options.Create(new LimitsOptions { MaxBytesInFlight = 1L << 40 }), TimeProvider.System), Options.Create(new LimitsOptions()));
}
