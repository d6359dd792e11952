using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Hosting;
using FunctionsApp.Logging;
using FunctionsApp.OpenApi;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Http;

/// <summary>Registration of what the functions need to speak HTTP.</summary>
public static class HttpServices
{
    private const int ReadAheadBytes = 64 * 1024;

    /// <summary>Adds the endpoint plumbing. Every host calls this.</summary>
    public static IServiceCollection AddFunctionsHttp(this IServiceCollection services)
    {
        services.Configure<KestrelServerOptions>(static options =>
        {
            // The limit is ours (Limits:MaxRequestBytes): the server's own would cut a request off without saying so in JSON.
            options.Limits.MaxRequestBodySize = null;

            // A large response is held in memory until its reader has it.
            options.Limits.MinResponseDataRate = new MinDataRate(UploadPace.MinLargeBytesPerSecond, TimeSpan.FromSeconds(5));
        });

        // What the server reads ahead, of a request that waits for room, is charged to nobody.
        services.Configure<SocketTransportOptions>(static options => options.MaxReadBufferSize = ReadAheadBytes);
        services.AddSingleton<IConfigureOptions<KestrelServerOptions>, ConnectionCutoff>();
        services.AddFunctionsOf<FunctionEndpoint>();
        return services.AddSingleton<SaturationLog>().AddSingleton<FunctionEndpoint>().AddSingleton<TaskEndpoint>().AddSingleton<ApiDescription>()
            .AddSingleton(static provider => new PlaygroundResult(provider.GetRequiredService<TaskPatterns>));
    }
}
