using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>fail</c>.</summary>
/// <param name="Message">The message of the error, 1 to 10,000 characters.</param>
/// <param name="AfterSeconds">How long to wait before the error, in seconds, 0 to 86,400.</param>
public sealed record FailInput(
    [property: Description("The message of the error."), Length(1, 10_000)] string Message,
    [property: Description("How long to wait before the error, in seconds."), Range(0, 86_400)] double AfterSeconds = 0);

/// <summary>Raises an error, to try error handling.</summary>
[Operation("fail", "Waits if requested, then fails with a message of the caller.", Example = """{"message":"out of paper"}""")]
public sealed class FailOperation(TimeProvider time) : IOperation<FailInput, RawJson>
{
    /// <inheritdoc/>
    /// <exception cref="OperationException">Always, with the requested message.</exception>
    public async ValueTask<RawJson> RunAsync(FailInput input, CancellationToken cancellationToken)
    {
        await time.PauseAsync(input.AfterSeconds, cancellationToken);
        throw new OperationException(input.Message);
    }
}
