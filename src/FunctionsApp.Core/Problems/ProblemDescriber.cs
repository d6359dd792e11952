using FunctionsApp.Core.Requests;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Problems;

/// <summary>The one place that turns an exception into a <see cref="Problem"/>.</summary>
public sealed partial class ProblemDescriber(ILogger<ProblemDescriber> logger)
{
    /// <summary>
    /// Describes <paramref name="exception"/> to the caller. An exception that is neither a problem nor an operation's own
    /// error is logged, and described without its internals.
    /// </summary>
    /// <param name="exception">The error.</param>
    /// <param name="work">The name of the work for the log: the operation, or the path of the request.</param>
    public Problem Describe(Exception exception, string? work = null)
    {
        switch (exception)
        {
            case ProblemException raised:
                return raised.Problem;
            case OperationException raised:
                return Problem.OperationFailed(raised.Message);
            case OutOfMemoryException:
                LogOutOfMemory(logger, NameOf(work), exception);
                return Problem.Saturated("The process has no memory left for this request.", retryAfterSeconds: 5);
            default:
                var problem = Problem.InternalError();
                LogUnexpected(logger, NameOf(work), problem.TraceId, exception);
                return problem;
        }
    }

    private static string NameOf(string? work) =>
        Excerpt.Of(work ?? "a request") + (RequestContext.Get<CurrentTask>() is { } task ? $" in task {task.Id}" : "");

    [LoggerMessage(EventId = 4, Level = LogLevel.Error, Message = "Out of memory during {Work}, which was refused as saturated")]
    private static partial void LogOutOfMemory(ILogger logger, string work, Exception exception);

    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "Unexpected failure of {Work}; the problem has trace id {TraceId}")]
    private static partial void LogUnexpected(ILogger logger, string work, string traceId, Exception exception);
}
