using System.Reflection;
using FunctionsApp.Core.Problems;
using FunctionsApp.Http;

namespace FunctionsApp.LocalHost;

/// <summary>Serves the functions that are found by their attributes, as the Functions host and its worker do together.</summary>
internal static class FunctionEndpoints
{
    /// <summary>Maps every function of an assembly.</summary>
    /// <param name="app">The application.</param>
    /// <param name="assembly">Where the functions are.</param>
    /// <param name="routePrefix">What comes before every route; may be empty.</param>
    /// <param name="keys">Who may run them.</param>
    /// <exception cref="InvalidOperationException">Two functions have one name.</exception>
    public static void MapFunctions(this WebApplication app, Assembly assembly, string routePrefix, FunctionKeys keys)
    {
        var throttle = app.Services.GetRequiredService<RequestThrottle>();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var function in HttpFunction.Find(assembly))
        {
            if (!names.Add(function.Name))
            {
                throw new InvalidOperationException($"Two functions are named '{function.Name}'.");
            }

            // Compiling what binds the parameters takes longer than starting the server; most processes never need it for every function.
            var run = new Lazy<RequestDelegate>(() => Compile(function));
            app.MapMethods($"{routePrefix.Trim('/')}/{function.Route}", function.Trigger.Methods ?? [], context => ServeAsync(context, function, run, keys, throttle))
                .WithMetadata(function);
        }
    }

    private static RequestDelegate Compile(HttpFunction function)
    {
        var create = ActivatorUtilities.CreateFactory(function.Method.DeclaringType!, Type.EmptyTypes);
        return RequestDelegateFactory.Create(
            function.Method,
            context => create(context.RequestServices, arguments: null),
            new RequestDelegateFactoryOptions
            {
                RouteParameterNames = Microsoft.AspNetCore.Routing.Patterns.RoutePatternFactory.Parse(function.Route).Parameters.Select(static parameter => parameter.Name),
            }).RequestDelegate;
    }

    private static async Task ServeAsync(HttpContext context, HttpFunction function, Lazy<RequestDelegate> run, FunctionKeys keys, RequestThrottle throttle)
    {
        if (keys.Refusal(context.Request, function.Trigger.AuthLevel) is { } refusal)
        {
            await RefuseAsync(context, refusal);
            return;
        }

        if (function.IsNeverThrottled)
        {
            await run.Value(context);
            return;
        }

        using var turn = await throttle.AcquireAsync(context.RequestAborted);
        if (!turn.IsAcquired)
        {
            await RefuseAsync(context, Problem.Saturated("Too many requests are outstanding (maxOutstandingRequests in host.json).", retryAfterSeconds: 1));
            return;
        }

        await run.Value(context);
    }

    private static Task RefuseAsync(HttpContext context, Problem problem) => new ProblemAnswer(problem).ExecuteAsync(context);
}
