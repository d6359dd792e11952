using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Logging;

/// <summary>
/// Logs that requests are refused as <c>saturated</c>: the first at once, then their count, at most once a minute. A line for
/// each would cost most when resources are scarcest. Thread-safe.
/// </summary>
public sealed partial class SaturationLog(ILogger<SaturationLog> logger, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private ITimer? _timer;
    private long _count;
    private string _detail = "";

    /// <summary>Counts a refusal; any other problem is ignored.</summary>
    /// <param name="problem">The problem of the response.</param>
    public void Note(Problem problem)
    {
        if (problem.Status != 429)
        {
            return;
        }

        lock (_gate)
        {
            (_count, _detail) = (_count + 1, problem.Detail);
            if (_timer is null)
            {
                Report();
                _timer = time.CreateTimer(_ => Report(), state: null, Period, Period);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer?.Dispose();

    /// <summary>Logs the count. After a minute without refusals, the next one is logged at once.</summary>
    private void Report()
    {
        lock (_gate)
        {
            if (_count > 0)
            {
                LogSaturated(logger, _count, _detail);
                _count = 0;
            }
            else
            {
                _timer?.Dispose();
                _timer = null;
            }
        }
    }

    [LoggerMessage(EventId = 3, Level = LogLevel.Warning, Message = "Requests refused as saturated: {Count}. The last one: {Detail}")]
    private static partial void LogSaturated(ILogger logger, long count, string detail);
}
