using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Logging;

/// <summary>
/// Logs that requests are refused as <c>saturated</c>: the first at once, then their count, at most once a minute. A line for
/// each would cost most when resources are scarcest. Thread-safe.
/// </summary>
public sealed partial class SaturationLog : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly ILogger<SaturationLog> _logger;
    private readonly ITimer _timer;
    private long _count;
    private string _detail = "";
    private bool _isCounting;

    /// <summary>Creates the log.</summary>
    public SaturationLog(ILogger<SaturationLog> logger, TimeProvider time)
    {
        _logger = logger;
        _timer = time.CreateTimer(static log => ((SaturationLog)log!).Report(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

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
            _count++;
            _detail = problem.Detail;
            if (_isCounting)
            {
                return;
            }

            _isCounting = true;
        }

        Report();
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    /// <summary>Logs the count, and starts the next minute. After a minute without refusals, the next one is logged at once.</summary>
    private void Report()
    {
        long count;
        string detail;
        lock (_gate)
        {
            (count, detail, _count) = (_count, _detail, 0);
            _isCounting = count > 0;
        }

        if (count > 0)
        {
            LogSaturated(_logger, count, detail);
            _timer.Change(Period, Timeout.InfiniteTimeSpan);
        }
    }

    [LoggerMessage(EventId = 3, Level = LogLevel.Warning, Message = "Requests refused as saturated: {Count}. The last one: {Detail}")]
    private static partial void LogSaturated(ILogger logger, long count, string detail);
}
