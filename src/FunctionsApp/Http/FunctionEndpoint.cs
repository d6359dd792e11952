using System.Diagnostics;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;
using FunctionsApp.Logging;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Http;

/// <summary>
/// What every function does around its single service call: detects the end of the request, and converts every exception
/// to problem details. No function has its own try block.
/// </summary>
public sealed class FunctionEndpoint(
    RequestReader reader, MemoryBudget budget, WorkGate gate, ProblemDescriber describer, IOptions<LimitsOptions> limits, IOptions<ForwardingOptions> forwarding,
    TimeProvider time, IHostApplicationLifetime lifetime, AppIdentity app, SaturationLog saturation)
{
    /// <summary>How long to wait for a client that does not read, after its work has ended or the host is stopping.</summary>
    internal static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>How long an event stream may be silent.</summary>
    private static readonly TimeSpan EventHeartbeat = TimeSpan.FromSeconds(15);

    /// <summary>Runs a function's body.</summary>
    /// <param name="request">The request that triggered the function.</param>
    /// <param name="response">The function's body.</param>
    /// <returns>Its response, or the problem that prevented one.</returns>
    public async Task<IResult> RunAsync(HttpRequest request, Func<FunctionRequest, Task<IResult>> response)
    {
        // On Azure the invocation and the request arrive over different channels, so the activity may be missing here.
        Activity.Current ??= request.HttpContext.Features.Get<IHttpActivityFeature>()?.Activity;
        ServerSpan.Start(request);

        // No function takes the invocation's token: the Functions host would bind a query parameter of that name to it. When the
        // host cancels an invocation, it also aborts the request that it forwards.
        var cancelled = CancellationTokenSource.CreateLinkedTokenSource(request.HttpContext.RequestAborted, lifetime.ApplicationStopping);

        var memory = RequestMemory.Current = budget.Open();

        // The response outlives this method.
        request.HttpContext.Response.RegisterForDispose(cancelled);
        request.HttpContext.Response.RegisterForDispose(memory);
        try
        {
            CallChain.Current = CallChain.Read(request.Headers[CallChain.Header], app);
            var call = new FunctionRequest(request, reader, limits.Value.MaxRequestBytes, forwarding.Value.IsDuplex, memory, time, cancelled.Token);
            return call.IsLarge ? await RunLargeAsync(response, call) : await response(call);
        }
        catch (Exception exception)
        {
            return Describe(exception, request.HttpContext, cancelled.Token) is { } problem ? new ProblemResult(problem) : Results.Empty;
        }
    }

    /// <summary>Keeps the closure out of the requests that are small, which are most.</summary>
    private Task<IResult> RunLargeAsync(Func<FunctionRequest, Task<IResult>> response, FunctionRequest call) => gate.RunAsync(() => response(call));

    /// <summary>
    /// Streams values as they arrive. The response starts with the first value, or with the first heartbeat: an earlier error
    /// has its own status.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="timeoutSeconds">The time limit of the work, if it has its own; after it a stalled reader is disconnected.</param>
    /// <param name="lines">The lines of the response; without lines it is 204.</param>
    /// <param name="format">The format of the response; by default what the client asks for.</param>
    public async Task<IResult> StreamAsync(FunctionRequest request, double? timeoutSeconds, IAsyncEnumerable<StreamLine> lines, ResponseFormat? format = null)
    {
        var form = format ?? request.Format;
        var heartbeat = request.Heartbeat ?? (form == ResponseFormat.EventStream ? EventHeartbeat : null);
        var enumerator = lines.GetAsyncEnumerator(request.Cancelled);
        try
        {
            var first = enumerator.MoveNextAsync().AsTask();
            if ((!request.IsHead && await IsLateAsync(first, heartbeat)) || await first)
            {
                return new StreamResult(
                    this, request, enumerator, first, TimeSpan.FromSeconds(timeoutSeconds ?? limits.Value.MaxTimeoutSeconds), form, heartbeat, time);
            }

            await enumerator.DisposeAsync();
            return Results.NoContent();
        }
        catch
        {
            await enumerator.DisposeAsync();
            throw;
        }
    }

    /// <summary>Returns whether the first heartbeat is due before the first line.</summary>
    private async Task<bool> IsLateAsync(Task first, TimeSpan? heartbeat)
    {
        if (heartbeat is { } interval && !first.IsCompleted)
        {
            using var waiting = new CancellationTokenSource();
            await Task.WhenAny(first, Task.Delay(interval, time, waiting.Token));
            await waiting.CancelAsync();
            return !first.IsCompleted;
        }

        return false;
    }

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
        BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout } => Problem.RequestTimeout("The body arrived more slowly than the server allows."),
        BadHttpRequestException bad => HttpProblems.BadRequest("The body does not end where its length says, or its chunks are invalid.", bad.StatusCode),

        // The server throws this for a chunk whose size overflows.
        IOException { InnerException: OverflowException } => HttpProblems.BadRequest("The size of a chunk is too large."),
        _ => describer.Describe(exception),
    };
}
