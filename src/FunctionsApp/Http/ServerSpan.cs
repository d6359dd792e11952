using System.Diagnostics;
using FunctionsApp.Core.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FunctionsApp.Http;

/// <summary>
/// The span of a request. The server's own span contains the whole path. Anyone who knows the id of a task may read and cancel
/// it, so this span exports only the route.
/// </summary>
internal static class ServerSpan
{
    private const string WorkerSource = "Microsoft.Azure.Functions.Worker";

    /// <summary>Starts the span and makes it current; it ends when the response has been sent.</summary>
    /// <param name="request">The request; the span continues its <c>traceparent</c> (W3C Trace Context).</param>
    public static void Start(HttpRequest request)
    {
        if (!AppTelemetry.Source.HasListeners())
        {
            return;
        }

        var route = (request.HttpContext.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        var tags = new TagList { { "http.request.method", request.Method }, { "http.route", route } };
        _ = ActivityContext.TryParse(request.Headers.TraceParent, request.Headers.TraceState, isRemote: true, out var caller);

        // Under the Functions host the worker has a span of the invocation, which continues that of the host.
        if (Activity.Current is { Source.Name: WorkerSource } invocation)
        {
            caller = invocation.Context;
        }

        // Otherwise the server's own unexported span would be the parent of one without a caller.
        var server = Activity.Current;
        Activity.Current = null;
        if (AppTelemetry.Source.StartActivity($"{request.Method} {route}", ActivityKind.Server, caller, tags) is not { } span)
        {
            Activity.Current = server;
            return;
        }

        request.HttpContext.Response.OnCompleted(() =>
        {
            var status = request.HttpContext.Response.StatusCode;
            span.SetTag("http.response.status_code", status);
            if (status >= StatusCodes.Status500InternalServerError)
            {
                span.SetStatus(ActivityStatusCode.Error);
            }

            span.Dispose();
            return Task.CompletedTask;
        });
    }
}
