using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Problems;

/// <summary>The one place that turns an exception into a <see cref="Problem"/>.</summary>
public sealed partial class ProblemDescriber(ILogger<ProblemDescriber> logger)
{
    /// <summary>
    /// Describes <paramref name="exception"/> to the caller. An exception that is neither a problem nor an operation's own
    /// error is logged, and described without its internals.
    /// </summary>
    public Problem Describe(Exception exception)
    {
        switch (exception)
        {
            case ProblemException raised:
                return raised.Problem;
            case OperationException raised:
                return Problem.OperationFailed(raised.Message);
            case OutOfMemoryException:
                LogOutOfMemory(logger, exception);
                return Problem.Saturated("The process has no memory left for this request.", retryAfterSeconds: 5);
            default:
                var problem = Problem.InternalError();
                LogUnexpected(logger, problem.TraceId, exception);
                return problem;
        }
    }

    [LoggerMessage(EventId = 4, Level = LogLevel.Error, Message = "A request ran out of memory and was refused as saturated")]
    private static partial void LogOutOfMemory(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "Unexpected failure; the response has trace id {TraceId}")]
    private static partial void LogUnexpected(ILogger logger, string traceId, Exception exception);
}
