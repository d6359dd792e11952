using FunctionsApp.Core;
using FunctionsApp.Http;
using FunctionsApp.Operations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp;

/// <summary>Registration of the app, the same on every host.</summary>
public static class FunctionsAppServices
{
    /// <summary>Adds the service layer, its operations and its functions. Operations, patterns and functions of your own are added here.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">The app settings.</param>
    public static IServiceCollection AddFunctionsApp(this IServiceCollection services, IConfiguration configuration) => services
        .AddFunctionsCore(configuration)
        .AddBuiltInOperations()
        .AddFunctionsHttp();
}
