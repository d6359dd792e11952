using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>An operation as a map runs it: an <see cref="ItemFunction"/> on the cores, or <see cref="ItemCalls"/>.</summary>
/// <param name="name">The operation's name.</param>
internal abstract class MappedOperation(string name)
{
    /// <summary>The operation's name.</summary>
    public string Name { get; } = name;

    /// <summary>Whether results are, or may be, numbers or booleans, which can be summed and compared.</summary>
    public abstract bool MayBeNumeric { get; }

    /// <summary>Prepares an operation. Uses reflection and compiles code, so do it once and keep it.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="limits">The limits of items and calls.</param>
    public static MappedOperation Of(CallableOperation operation, LimitsOptions limits) =>
        operation is CpuOperation cpu ? ItemFunction.Of(cpu, limits.MaxDepth) : ItemCalls.Of((IoOperation)operation, limits);

    /// <summary>Starts a map of the items of a JSON request, or of items to be added.</summary>
    /// <param name="writer">Writes the results.</param>
    /// <param name="items">The items; null when they are added later.</param>
    /// <param name="scheduler">Computes the items of a cpu operation.</param>
    /// <param name="run">The run of the pattern, whose limit stops the map.</param>
    /// <param name="take">
    /// Takes the chunks one at a time, and disposes of them: <see cref="MapResponseBuilder.Add"/>, or the channel that
    /// <see cref="StreamedMap"/> reads. A problem that it throws ends the map.
    /// </param>
    public abstract IMapRun Start(
        ResultWriter writer, ItemBuffer? items, CpuScheduler scheduler, PatternRun run, Action<ChunkResults> take);

    /// <summary>Reads one item, and does no more.</summary>
    /// <exception cref="ProblemException"><c>invalid-request</c> with every error, with pointers that start at the item.</exception>
    public abstract void Check(ReadOnlySpan<byte> item, bool isStarmap);

    /// <summary>Whether results of a type are numbers or booleans.</summary>
    protected static bool IsNumber(Type output) =>
        output == typeof(Number) || output == typeof(long) || output == typeof(int) || output == typeof(double) || output == typeof(bool);
}
