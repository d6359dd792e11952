using System.Diagnostics;
using System.Threading.RateLimiting;
using FunctionsApp.TestHost.Protocol;
using Microsoft.AspNetCore.WebUtilities;
using Yarp.ReverseProxy.Forwarder;

namespace FunctionsApp.TestHost.Http;

/// <summary>
/// Serves requests as the Functions host does: it lets in whom the keys admit, takes in the whole body, tells the worker of the
/// invocation, and forwards the request to the worker's own server, marked with the invocation's id.
/// </summary>
/// <param name="worker">The worker's protocol.</param>
/// <param name="address">The worker's server.</param>
/// <param name="forwarder">Forwards requests.</param>
/// <param name="options">Keys and limits.</param>
/// <param name="host">Limits.</param>
internal sealed class FunctionInvoker(WorkerConnection worker, string address, IHttpForwarder forwarder, TestHostOptions options, HostJson host) : IDisposable
{
    private const string InvocationIdHeader = "x-ms-invocation-id";

    private static readonly ForwarderRequestConfig Forwarding = new() { ActivityTimeout = TimeSpan.FromSeconds(240) };

    private readonly AccessKeys _keys = new(options);
    private readonly ConcurrencyLimiter? _throttle = Throttle(host);
    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false });

    /// <summary>Serves one request.</summary>
    public async Task InvokeAsync(HttpContext context, HttpFunction function)
    {
        if (!_keys.Admit(context.Request, function.Trigger.AuthLevel))
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        using var turn = _throttle is null ? null : await _throttle.AcquireAsync(1, context.RequestAborted);
        if (turn is { IsAcquired: false })
        {
            context.Response.StatusCode = StatusCodes.Status429TooManyRequests;
            return;
        }

        try
        {
            if (context.Request.ContentLength > 0)
            {
                context.Request.EnableBuffering();
                await context.Request.Body.DrainAsync(context.RequestAborted);
                context.Request.Body.Position = 0;
            }

            await RunAsync(context, function);
        }
        catch (BadHttpRequestException)
        {
            // A body over the limit, too, is a failure of the platform's own.
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }
    }

    public void Dispose()
    {
        _throttle?.Dispose();
        _client.Dispose();
    }

    private static ConcurrencyLimiter? Throttle(HostJson host)
    {
        var outstanding = host.MaxOutstandingRequests > 0 ? host.MaxOutstandingRequests : int.MaxValue;
        var concurrent = Math.Min(host.MaxConcurrentRequests > 0 ? host.MaxConcurrentRequests : int.MaxValue, outstanding);
        return concurrent == int.MaxValue
            ? null
            : new ConcurrencyLimiter(new ConcurrencyLimiterOptions
            {
                PermitLimit = concurrent,
                QueueLimit = outstanding - concurrent,
                QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
            });
    }

    private async Task RunAsync(HttpContext context, HttpFunction function)
    {
        var request = context.Request;

        // The host's own span, which the worker's goes on with.
        using var activity = new Activity("Functions host");
        if (request.Headers.TraceParent is [{ Length: > 0 } caller])
        {
            activity.SetParentId(caller).TraceStateString = request.Headers.TraceState;
        }

        activity.Start();
        var invocation = new InvocationRequest
        {
            InvocationId = Guid.NewGuid().ToString(),
            FunctionId = function.Metadata.FunctionId,
            TraceContext = new RpcTraceContext { TraceParent = activity.Id, TraceState = activity.TraceStateString ?? "" },
        };
        invocation.InputData.Add(new ParameterBinding { Name = function.Trigger.Name, Data = new TypedData { Http = new RpcHttp() } });
        await TriggerMetadata.AddAsync(invocation.TriggerMetadata, request);

        request.Headers[InvocationIdHeader] = invocation.InvocationId;
        var forwarding = forwarder.SendAsync(context, address, _client, Forwarding).AsTask();
        var invoking = worker.CallAsync(new StreamingMessage { InvocationRequest = invocation }, CancellationToken.None);
        await using (context.RequestAborted.UnsafeRegister(
            static state =>
            {
                var (worker, id) = ((WorkerConnection, string))state!;
                worker.Send(new StreamingMessage { InvocationCancel = new InvocationCancel { InvocationId = id } });
            },
            (worker, invocation.InvocationId)))
        {
            var error = await forwarding;
            await ((Task)invoking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (invoking.IsFaulted || error != ForwarderError.None || (await invoking).InvocationResponse.Result.Status != StatusResult.Types.Status.Success)
            {
                await FailAsync(context, (invoking.Exception?.InnerException as WorkerException)?.Message);
            }
        }
    }

    /// <summary>Answers 500, as far as the client can still be told: a failed invocation counts more than what its answer was to be.</summary>
    private static async Task FailAsync(HttpContext context, string? message)
    {
        if (context.Response.HasStarted)
        {
            return;
        }

        context.Response.Clear();
        context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        if (message is not null)
        {
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync(message);
        }
    }
}
