using FunctionsApp.Http;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers functions outside this app's own assembly.</summary>
public static class FunctionAssemblyServices
{
    /// <summary>
    /// Registers the functions of another assembly with LocalHost. The Functions host needs no registration: its build finds
    /// the functions of each referenced project. The OpenAPI document describes only the app's own functions.
    /// </summary>
    /// <typeparam name="T">A type of that assembly.</typeparam>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddFunctionsOf<T>(this IServiceCollection services) =>
        services.AddSingleton(new FunctionAssembly(typeof(T).Assembly));
}
