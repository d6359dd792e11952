using System.Reflection;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Routing.Patterns;

namespace FunctionsApp.LocalHost;

/// <summary>
/// Serves functions that take the request and at most one value of the route, in classes whose dependencies are singletons, as
/// those of the app do. ASP.NET Core binds any signature, but it compiles an expression for it, which delays the first response
/// of a process by a tenth, and it makes a scope of services for each request.
/// </summary>
internal static class PlainFunction
{
    /// <summary>Returns what serves a function; null if its signature or its class is not plain.</summary>
    /// <param name="function">The function.</param>
    /// <param name="route">Its route.</param>
    /// <param name="app">The services of the app.</param>
    /// <param name="services">What they were built from.</param>
    public static RequestDelegate? TryServe(HttpFunction function, RoutePattern route, IServiceProvider app, IServiceCollection services)
    {
        var (method, type) = (function.Method, function.Method.DeclaringType!);
        if (method.ReturnType != typeof(Task<IResult>) || type.GetConstructors() is not [var constructor])
        {
            return null;
        }

        var parameters = method.GetParameters();
        var dependencies = Array.ConvertAll(constructor.GetParameters(), static parameter => parameter.ParameterType);
        if (parameters[0].ParameterType != typeof(HttpRequest)
            || !Array.TrueForAll(dependencies, dependency => services.LastOrDefault(service => service.ServiceType == dependency && !service.IsKeyedService)?.Lifetime == ServiceLifetime.Singleton))
        {
            return null;
        }

        var call = parameters switch
        {
            [_] => CallOf(nameof(CallAsync), type, method, route: null),
            [_, { Name: { } name } value] when value.ParameterType == typeof(string) && route.GetParameter(name) is { IsOptional: false, IsCatchAll: false, Default: null } =>
                CallOf(nameof(CallWithValueAsync), type, method, name),
            _ => null,
        };
        if (call is null)
        {
            return null;
        }

        var create = ConstructorInvoker.Create(constructor);
        var arguments = Array.ConvertAll<Type, object?>(dependencies, app.GetRequiredService);
        return async context => await (await call(create.Invoke(arguments), context.Request)).ExecuteAsync(context);
    }

    private static Func<object, HttpRequest, Task<IResult>> CallOf(string template, Type type, MethodInfo method, string? route) =>
        (Func<object, HttpRequest, Task<IResult>>)typeof(PlainFunction).GetMethod(template, BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(type).Invoke(null, [method, route])!;

    private static Func<object, HttpRequest, Task<IResult>> CallAsync<T>(MethodInfo method, string? route)
    {
        var run = method.CreateDelegate<Func<T, HttpRequest, Task<IResult>>>();
        return (instance, request) => run((T)instance, request);
    }

    private static Func<object, HttpRequest, Task<IResult>> CallWithValueAsync<T>(MethodInfo method, string? route)
    {
        var run = method.CreateDelegate<Func<T, HttpRequest, string, Task<IResult>>>();
        return (instance, request) => run((T)instance, request, (string)request.RouteValues[route!]!);
    }
}
