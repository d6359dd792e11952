using FunctionsApp.Hosting;
using FunctionsApp.Logging;
using FunctionsApp.OpenApi;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Http;

/// <summary>Registration of what the functions need to speak HTTP.</summary>
public static class HttpServices
{
    /// <summary>Adds the endpoint plumbing. Every host calls this.</summary>
    public static IServiceCollection AddFunctionsHttp(this IServiceCollection services)
    {
        // The limit is ours (Limits:MaxRequestBytes): the server's own would cut a request off without saying so in JSON.
        services.Configure<KestrelServerOptions>(static options => options.Limits.MaxRequestBodySize = null);
        services.AddSingleton<IConfigureOptions<KestrelServerOptions>, ConnectionCutoff>();
        return services.AddSingleton<SaturationLog>().AddSingleton<FunctionEndpoint>().AddSingleton<TaskEndpoint>().AddSingleton<ApiDescription>();
    }
}
