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
/// What every function does around its one call of a service: it tells when the request is over, and turns whatever goes
/// wrong into problem details. No function has a try of its own.
/// </summary>
public sealed class FunctionEndpoint(
    RequestReader reader, MemoryBudget budget, WorkGate gate, ProblemDescriber describer, IOptions<LimitsOptions> limits, IOptions<ForwardingOptions> forwarding,
    TimeProvider time, IHostApplicationLifetime lifetime, AppIdentity app, SaturationLog saturation)
{
    /// <summary>How long a client that does not read is waited for when its work is over, or when the host stops.</summary>
    internal static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>How long an event stream may be silent.</summary>
    private static readonly TimeSpan EventHeartbeat = TimeSpan.FromSeconds(15);

    /// <summary>Runs a function's body.</summary>
    /// <param name="request">The request that triggered the function.</param>
    /// <param name="response">The function's body.</param>
    /// <returns>Its answer, or the problem that kept it from one.</returns>
    public async Task<IResult> RunAsync(HttpRequest request, Func<FunctionRequest, Task<IResult>> response)
    {
        // On Azure the invocation comes over another channel than the request, and its activity may be missing here.
        Activity.Current ??= request.HttpContext.Features.Get<IHttpActivityFeature>()?.Activity;
        ServerSpan.Start(request);

        // No function takes the invocation's token: the Functions host would bind a query parameter of that name to it. When the
        // host cancels an invocation it also breaks off the request that it forwards.
        var cancelled = CancellationTokenSource.CreateLinkedTokenSource(request.HttpContext.RequestAborted, lifetime.ApplicationStopping);

        var memory = RequestMemory.Current = budget.Open();

        // What is answered outlives this method.
        request.HttpContext.Response.RegisterForDispose(cancelled);
        request.HttpContext.Response.RegisterForDispose(memory);
        try
        {
            CallChain.Current = CallChain.Read(request.Headers[CallChain.Header], app);
            var call = new FunctionRequest(request, reader, limits.Value.MaxRequestBytes, forwarding.Value.IsDuplex, memory, time, cancelled.Token);
            return call.IsLarge ? await gate.RunAsync(() => response(call)) : await response(call);
        }
        catch (Exception exception)
        {
            return Describe(exception, request.HttpContext, cancelled.Token) is { } problem ? new ProblemResult(problem) : Results.Empty;
        }
    }

    /// <summary>
    /// Streams values as they come. The answer starts with the first of them, or with the first heartbeat: what goes wrong before has
    /// a status of its own.
    /// </summary>
    /// <param name="request">The request that is answered.</param>
    /// <param name="timeoutSeconds">The time limit of the work, if it has one of its own; a reader that then stands still is cut off.</param>
    /// <param name="lines">The lines of the answer; when there are none at all, it is 204.</param>
    /// <param name="format">The form of the answer; by default what the client asks for.</param>
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

    /// <summary>Whether the first line does not come before the first heartbeat is due.</summary>
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

    /// <summary>What to tell the client; nothing when it has gone.</summary>
    internal Problem? Describe(Exception exception, HttpContext context, CancellationToken cancelled)
    {
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
        ConnectionResetException => null,
        OperationCanceledException when cancelled.IsCancellationRequested => Problem.ShuttingDown(),
        BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout } bad => Problem.RequestTimeout(bad.Message),
        BadHttpRequestException bad => HttpProblems.BadRequest(bad.Message, bad.StatusCode),

        // How the server tells of a chunk whose size is no number that it can count to.
        IOException { InnerException: OverflowException } => HttpProblems.BadRequest("The size of a chunk is too large."),
        _ => describer.Describe(exception),
    };
}
