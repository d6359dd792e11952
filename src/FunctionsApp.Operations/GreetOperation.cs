using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>greet</c>.</summary>
/// <param name="Name">The name to greet, 1 to 1,000 characters.</param>
/// <param name="PauseSeconds">The pause between hello and goodbye, in seconds, 0 to 3,600.</param>
public sealed record GreetInput(
    [property: Description("The name to greet."), Length(1, 1_000)] string Name = "World",
    [property: Description("The pause between hello and goodbye, in seconds."), Range(0, 3_600)] double PauseSeconds = 1);

/// <summary>A minimal stream: one value, a pause, another value.</summary>
[Operation("greet", "Says hello, pauses, and says goodbye.", Example = """{"name":"World","pauseSeconds":0.1}""")]
public sealed class GreetOperation(TimeProvider time) : IStreamOperation<GreetInput, string>
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<string> StreamAsync(GreetInput input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return $"Hello, {input.Name}!";
        await time.PauseAsync(input.PauseSeconds, cancellationToken);
        yield return $"Goodbye, {input.Name}!";
    }
}
