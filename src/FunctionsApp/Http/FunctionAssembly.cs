using System.Reflection;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Http;

/// <summary>An assembly that has functions.</summary>
/// <param name="Assembly">The assembly.</param>
public sealed record FunctionAssembly(Assembly Assembly);

/// <summary>Registration of functions outside this app's own assembly.</summary>
public static class FunctionAssemblyServices
{
    /// <summary>
    /// Has LocalHost serve the functions of another assembly too. The Functions host needs no registration: its build finds
    /// the functions of each project that the app references. The OpenAPI document describes the app's own functions only.
    /// </summary>
    /// <typeparam name="T">A type of that assembly.</typeparam>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddFunctionsOf<T>(this IServiceCollection services) => services.AddSingleton(new FunctionAssembly(typeof(T).Assembly));
}
