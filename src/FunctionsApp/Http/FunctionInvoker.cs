using System.Diagnostics;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;

namespace FunctionsApp.Http;

/// <summary>
/// What every function does around its single service call: detects the end of the request, and converts every exception
/// to problem details. No function has its own try block.
/// </summary>
public sealed class FunctionInvoker(
    RequestServices services, MemoryBudget budget, AppIdentity app, IHostApplicationLifetime lifetime)
{
    /// <summary>How long to wait for a client that does not read, after its work has ended or the host is stopping.</summary>
    internal static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>Runs a function's body.</summary>
    /// <param name="request">The request that triggered the function.</param>
    /// <param name="response">The function's body.</param>
    /// <returns>Its response, or the problem that prevented one.</returns>
    public async Task<IResult> InvokeAsync(HttpRequest request, Func<FunctionRequest, Task<IResult>> response)
    {
        // On Azure the invocation and the request arrive over different channels, so the activity may be missing here.
        Activity.Current ??= request.HttpContext.Features.Get<IHttpActivityFeature>()?.Activity;
        ServerSpan.Start(request);

        // No function takes the invocation's token: the Functions host would bind a query parameter of that name to it. When the
        // host cancels an invocation, it also aborts the request that it forwards.
        var cancelled = CancellationTokenSource.CreateLinkedTokenSource(request.HttpContext.RequestAborted, lifetime.ApplicationStopping);

        var memory = budget.Open();

        // The response outlives this method.
        request.HttpContext.Response.RegisterForDispose(cancelled);
        request.HttpContext.Response.RegisterForDispose(memory);
        try
        {
            RequestContext.Set(memory, CallChain.Read(request.Headers[CallChain.Header], app));
            return await response(new FunctionRequest(request, services, memory, cancelled.Token));
        }
        catch (Exception exception)
        {
            return services.Problems.Describe(exception, request.HttpContext, cancelled.Token) is { } problem
                ? JsonResult.Problem(problem)
                : Results.Empty;
        }
    }
}
