using FunctionsApp.Core.Problems;
using FunctionsApp.Http;

namespace FunctionsApp.LocalHost;

/// <summary>Gives problem details to what the server answers by itself: no such path, the wrong method, an error outside of a function.</summary>
internal sealed class ServerProblems(RequestDelegate next, ProblemDescriber describer)
{
    /// <summary>Runs the rest of the pipeline.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        Problem? problem;
        try
        {
            await next(context);
            problem = ForStatus(context);
        }
        catch (Exception exception) when (!context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted)
        {
            problem = describer.Describe(exception);
        }

        if (problem is not null)
        {
            await new ProblemAnswer(problem).ExecuteAsync(context);
        }
    }

    private static Problem? ForStatus(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        if (response.HasStarted || response.ContentType is not null)
        {
            return null;
        }

        return response.StatusCode switch
        {
            StatusCodes.Status404NotFound => Problem.Http("not-found", "There is no such path", response.StatusCode,
                $"No function answers {request.Path}."),
            StatusCodes.Status405MethodNotAllowed => Problem.Http("method-not-allowed", "The method is not allowed", response.StatusCode,
                $"{request.Path} does not answer {request.Method}; it answers {response.Headers.Allow}."),
            StatusCodes.Status400BadRequest => Problem.Http("bad-request", "The request is not valid HTTP", response.StatusCode,
                $"The host name '{request.Host.Host}' is not one of this server's."),
            _ => null,
        };
    }
}
