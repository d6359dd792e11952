using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FunctionsApp.LocalHost;

/// <summary>Adds problem details to the server's own responses: a foreign host name, an unknown path, a wrong method, an error outside of a function.</summary>
internal sealed class ServerProblems(RequestDelegate next, ListenAddresses addresses, ProblemDescriber describer)
{
    /// <summary>Runs the rest of the pipeline.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        Problem? problem;
        try
        {
            if (addresses.Admits(context.Request.Host))
            {
                await next(context);
                problem = ForStatus(context);
            }
            else
            {
                problem = HttpProblems.BadRequest($"The host name '{Excerpt.Of(context.Request.Host.Host)}' is not one of this server's.");
            }
        }
        catch (Exception exception) when (!context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted)
        {
            problem = describer.Describe(exception);
        }

        if (problem is not null)
        {
            await new ProblemResult(problem).ExecuteAsync(context);
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
            StatusCodes.Status404NotFound => HttpProblems.NotFound(TargetOf(request)),
            StatusCodes.Status405MethodNotAllowed => HttpProblems.MethodNotAllowed(
                $"{Excerpt.Of(TargetOf(request))} does not answer {Excerpt.Of(request.Method)}; it answers {response.Headers.Allow}."),
            _ => null,
        };
    }

    /// <summary>Returns the path, or what replaces it, such as <c>*</c>.</summary>
    private static string TargetOf(HttpRequest request) =>
        request.Path.Value is { Length: > 0 } path ? path : request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
}
