using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>count</c>.</summary>
/// <param name="Count">The number of integers, 0 to 1,000,000,000.</param>
/// <param name="IntervalSeconds">The wait before each integer, in seconds, 0 to 3,600.</param>
/// <param name="Start">The first integer.</param>
/// <param name="Step">The difference between integers; the last integer must fit 64 bits.</param>
public sealed record CountInput(
    [property: Description("The number of integers."), Range(0, 1_000_000_000)] long Count,
    [property: Description("The wait before each integer, in seconds."), Range(0, 3_600)] double IntervalSeconds = 0,
    [property: Description("The first integer.")] long Start = 0,
    [property: Description("The difference between one integer and the next.")] long Step = 1) : ICrossChecked
{
    /// <inheritdoc/>
    public IEnumerable<(string Property, string Message)> Check()
    {
        if (Count > 0 && (Int128)Start + ((Int128)Step * (Count - 1)) is var last && (last < long.MinValue || last > long.MaxValue))
        {
            yield return ("", "must count to an integer of at most 64 bits: start + step * (count - 1)");
        }
    }
}

/// <summary>Yields integers at an interval, like the asynchronous generator of every tutorial.</summary>
[Operation("count", "Yields integers at an interval.", Example = """{"count":3,"intervalSeconds":0.1}""")]
public sealed class CountOperation(TimeProvider time) : IStreamOperation<CountInput, long>
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<long> StreamAsync(CountInput input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var i = 0L; i < input.Count; i++)
        {
            await time.PauseAsync(input.IntervalSeconds, cancellationToken);

            // The product may exceed 64 bits; the sum then wraps back to the correct value.
            yield return unchecked(input.Start + (input.Step * i));
        }
    }
}
