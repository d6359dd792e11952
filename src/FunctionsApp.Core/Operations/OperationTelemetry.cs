using FunctionsApp.Core.Json;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Operations;

/// <summary>Spans and metrics of calls.</summary>
internal static class OperationTelemetry
{
    /// <summary>Runs a call of a pattern, with a span and metrics.</summary>
    /// <param name="call">The call.</param>
    /// <param name="operation">The operation's name.</param>
    /// <param name="pattern">The pattern that runs it.</param>
    /// <param name="cancellationToken">Stops the operation.</param>
    public static ValueTask<RawJson> RunAsync(
        this OperationCall call, string operation, string pattern, CancellationToken cancellationToken) =>
        AppTelemetry.IsWatched ? WatchAsync(call, operation, pattern, cancellationToken) : call.RunAsync(cancellationToken);

    private static async ValueTask<RawJson> WatchAsync(
        OperationCall call, string operation, string pattern, CancellationToken cancellationToken)
    {
        using var run = new WatchedRun(AppTelemetry.ActiveCalls, AppTelemetry.CallDuration, pattern, operation, name: "call");
        try
        {
            return await call.RunAsync(cancellationToken);
        }
        catch (Exception exception)
        {
            run.Fail(exception);
            throw;
        }
    }
}
