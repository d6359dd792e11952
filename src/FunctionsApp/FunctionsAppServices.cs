using System.Runtime.CompilerServices;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable;
using FunctionsApp.Embedded;
using FunctionsApp.Http;
using FunctionsApp.OpenApi;
using Microsoft.Extensions.Configuration;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registration of the app, the same on every host.</summary>
public static class FunctionsAppServices
{
    /// <summary>
    /// Adds the service layer, its operations and its functions. Operations, patterns and functions of your own are added here.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">The app settings.</param>
    public static IServiceCollection AddFunctionsApp(this IServiceCollection services, IConfiguration configuration) => services
        .AddFunctionsCore(configuration)
        .AddBuiltInOperations()
        .AddFunctionsHttp()
        .AddSingleton<ApiDescription>()
        .AddTaskEngine(configuration);

    /// <summary>Adds the engine that <c>Tasks:Engine</c> names. The other one's packages are not even loaded.</summary>
    private static IServiceCollection AddTaskEngine(this IServiceCollection services, IConfiguration configuration) =>
        TasksOptions.IsDurable(configuration) ? AddDurable(services) : AddEmbedded(services);

    /// <summary>A method of its own, so that only its call loads the assembly.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static IServiceCollection AddDurable(IServiceCollection services) => services.AddDurableTaskEngine();

    /// <inheritdoc cref="AddDurable"/>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static IServiceCollection AddEmbedded(IServiceCollection services) => services.AddEmbeddedTaskEngine();
}
