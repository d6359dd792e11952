using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>delay</c>.</summary>
/// <param name="Seconds">How long to wait, in seconds, 0 to 86,400.</param>
/// <param name="Result">Any JSON value; absent means null.</param>
public sealed record DelayInput(
    [property: Description("How long to wait, in seconds."), Range(0, 86_400)] double Seconds,
    [property: Description("The value to return.")] RawJson? Result = null);

/// <summary>Waits without holding a thread: <c>asyncio.sleep(seconds, result)</c>.</summary>
[Operation("delay", "Waits, then returns a value of the caller.", Example = """{"seconds":0.1,"result":"done"}""")]
public sealed class DelayOperation(TimeProvider time) : IOperation<DelayInput, RawJson>
{
    /// <inheritdoc/>
    public ValueTask<RawJson> RunAsync(DelayInput input, CancellationToken cancellationToken) =>
        time.PauseAsync(input.Seconds, (input.Result ?? RawJson.Null).OnOneLine(), cancellationToken);
}
