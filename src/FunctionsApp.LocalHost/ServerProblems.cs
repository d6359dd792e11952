using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FunctionsApp.LocalHost;

/// <summary>
/// Adds problem details to the server's own responses: a foreign host name or origin, an unknown path, a wrong method, an error outside of
/// a function.
/// </summary>
internal sealed class ServerProblems(RequestDelegate next, ListenAddresses addresses, OriginGuard origins, ProblemDescriber describer)
{
    /// <summary>Runs the rest of the pipeline.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        Problem? problem;
        try
        {
            problem = Refusal(context.Request);
            if (problem is null)
            {
                await next(context);
                problem = ForStatus(context);
            }
        }
        catch (Exception exception) when (!context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted)
        {
            problem = describer.Describe(exception, context.Request.Path);
        }

        if (problem is not null)
        {
            await JsonResult.Problem(problem).ExecuteAsync(context);
        }
    }

    /// <summary>Returns why a request is not served; null if it is.</summary>
    private Problem? Refusal(HttpRequest request) =>
        !addresses.Admits(request.Host)
            ? HttpProblems.BadRequest($"The host name '{Excerpt.Of(request.Host.Host)}' does not belong to this server.")
        : HasTwoLengths(request.Headers)
            ? HttpProblems.BadRequest("The request has both Content-Length and Transfer-Encoding.")
                with
            { Header = ("Connection", "close") }
        : origins.Refusal(request);

    /// <summary>
    /// Returns whether a request states the length of its body in two ways, so that a proxy may see another body (RFC 9112, section 6.3).
    /// The server goes by <c>Transfer-Encoding</c>, and renames the other header.
    /// </summary>
    private static bool HasTwoLengths(IHeaderDictionary headers) =>
        headers.TransferEncoding.Count > 0 && headers.ContainsKey("X-Content-Length");

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
                $"{Excerpt.Of(TargetOf(request))} does not support {Excerpt.Of(request.Method)}; it supports {response.Headers.Allow}."),
            _ => null,
        };
    }

    /// <summary>Returns the path, or what replaces it, such as <c>*</c>.</summary>
    private static string TargetOf(HttpRequest request) =>
        request.Path.Value is { Length: > 0 } path
            ? path
            : request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
}
