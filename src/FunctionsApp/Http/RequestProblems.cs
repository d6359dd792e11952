using FunctionsApp.Core.Problems;
using FunctionsApp.Logging;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Http;

/// <summary>Describes the exceptions of a request as problems, also those that the server and the end of a request cause.</summary>
public sealed class RequestProblems(ProblemDescriber describer, SaturationLog saturation)
{
    /// <summary>Returns the problem to send; null if the client is gone.</summary>
    internal Problem? Describe(Exception exception, HttpContext context, CancellationToken cancelled)
    {
        if (exception is ConnectionResetException)
        {
            // The client is gone, and the server may not have noticed. It would read the rest of the body, and log that it cannot.
            context.Abort();
            return null;
        }

        var problem = ProblemOf(exception, context, cancelled);
        if (problem is not null)
        {
            saturation.Note(problem);
        }

        return problem;
    }

    private Problem? ProblemOf(Exception exception, HttpContext context, CancellationToken cancelled) => exception switch
    {
        _ when context.RequestAborted.IsCancellationRequested => null,
        OperationCanceledException when cancelled.IsCancellationRequested => Problem.ShuttingDown(),
        BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout } =>
            Problem.RequestTimeout("The body arrived more slowly than the server allows."),
        BadHttpRequestException bad =>
            HttpProblems.BadRequest("The body does not end where its length says, or its chunks are invalid.", bad.StatusCode),

        // The server throws this for a chunk whose size overflows.
        IOException { InnerException: OverflowException } => HttpProblems.BadRequest("The size of a chunk is too large."),
        _ => describer.Describe(exception, context.Request.Path),
    };
}
