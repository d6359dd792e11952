using System.Reflection;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Routing.Patterns;

namespace FunctionsApp.LocalHost;

/// <summary>Finds the functions by their attributes and serves them, like the Functions host and its worker.</summary>
internal static class FunctionRoutes
{
    /// <summary>Maps every function of each <see cref="FunctionAssembly"/>.</summary>
    /// <param name="app">The application.</param>
    /// <param name="routePrefix">The prefix of every route; may be empty.</param>
    /// <exception cref="InvalidOperationException">Two functions have one name.</exception>
    public static void MapFunctions(this WebApplication app, string routePrefix)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var assemblies = app.Services.GetServices<FunctionAssembly>();
        foreach (var function in assemblies.SelectMany(static functions => HttpFunction.Find(functions.Assembly)))
        {
            if (!names.Add(function.Name))
            {
                throw new InvalidOperationException($"Two functions are named '{function.Name}'.");
            }

            // A process does not need every function.
            var run = new Lazy<RequestDelegate>(() => Compile(function));
            app.MapMethods($"{routePrefix.Trim('/')}/{function.Route}", function.Trigger.Methods ?? [], context => run.Value(context))
                .WithMetadata([function, .. function.Method.GetCustomAttributes()]);
        }
    }

    private static RequestDelegate Compile(HttpFunction function)
    {
        var parameters = RoutePatternFactory.Parse(function.Route).Parameters;
        var create = ActivatorUtilities.CreateFactory(function.Method.DeclaringType!, Type.EmptyTypes);
        return RequestDelegateFactory.Create(
            function.Method,
            context => create(context.RequestServices, arguments: null),
            new() { RouteParameterNames = parameters.Select(static parameter => parameter.Name) }).RequestDelegate;
    }
}
