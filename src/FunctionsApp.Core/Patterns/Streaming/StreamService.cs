using System.Runtime.CompilerServices;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Patterns.Streaming;

/// <summary><c>async for</c> over an async generator: yields the values of one operation as it produces them.</summary>
public sealed class StreamService(OperationCatalog catalog, PatternRuns runs)
{
    /// <summary>Starts an operation. The reader requests each value after it has taken the previous one.</summary>
    /// <param name="operation">The operation's name; stream.</param>
    /// <param name="input">Its input.</param>
    /// <param name="timeoutSeconds">The time limit, in seconds; null means <c>Limits:MaxTimeoutSeconds</c>.</param>
    /// <param name="cancellationToken">Stops the operation.</param>
    /// <returns>The values, then the end. Enumerating throws the operation's exceptions, and <c>timeout</c>.</returns>
    /// <exception cref="ProblemException">
    /// <c>unknown-operation</c>, <c>wrong-kind</c>, <c>invalid-request</c>: before the first value.
    /// </exception>
    public IAsyncEnumerable<StreamEvent> Run(string operation, RawJson input, double? timeoutSeconds, CancellationToken cancellationToken)
    {
        var streamOperation = catalog.Find<StreamOperation>(operation);
        var run = runs.Start(timeoutSeconds, cancellationToken);
        try
        {
            return EnumerateAsync(operation, streamOperation.Stream(input.Utf8, pointer: "", run.Limit.Token), run, cancellationToken);
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    private static async IAsyncEnumerable<StreamEvent> EnumerateAsync(
        string operation, IAsyncEnumerable<RawJson> values, PatternRun run, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var _ = run;
        using var watch = AppTelemetry.Start("stream", operation);
        var count = 0L;
        await using var enumerator = values.GetAsyncEnumerator(cancellationToken);
        while (await MoveNextAsync())
        {
            yield return new StreamEvent(enumerator.Current, End: null);
            count++;
        }

        yield return new StreamEvent(RawJson.Null, new StreamEnd(count, run.Clock.ElapsedMs));

        async ValueTask<bool> MoveNextAsync()
        {
            try
            {
                run.Limit.Token.ThrowIfCancellationRequested();
                return await enumerator.MoveNextAsync();
            }
            catch (OperationCanceledException) when (run.Limit.RanOut)
            {
                throw watch.Fail(run.Limit.TimedOut($"'{operation}'"));
            }
            catch (Exception exception)
            {
                watch.Fail(exception);
                throw;
            }
        }
    }
}

/// <summary>A value of a stream, or its end.</summary>
/// <param name="Value">The value; null at the end.</param>
/// <param name="End">The end; null for a value.</param>
public readonly record struct StreamEvent(RawJson Value, StreamEnd? End);

/// <summary>The end of a stream that succeeded.</summary>
/// <param name="Count">How many values there were.</param>
/// <param name="ElapsedMs">How long the stream took, in milliseconds.</param>
public sealed record StreamEnd(long Count, double ElapsedMs);
