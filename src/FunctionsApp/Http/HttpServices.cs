using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Logging;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Http;

/// <summary>Registers the HTTP services of the functions.</summary>
public static class HttpServices
{
    private const int ReadAheadBytes = 64 * 1024;

    /// <summary>Adds the services of HTTP. Every host calls this.</summary>
    public static IServiceCollection AddFunctionsHttp(this IServiceCollection services)
    {
        services.Configure<KestrelServerOptions>(static options =>
        {
            options.AddServerHeader = false;

            // Limits:MaxRequestBytes replaces this limit: the server's own would abort a request without problem details.
            options.Limits.MaxRequestBodySize = null;

            // A large response is held in memory until the client has read it.
            options.Limits.MinResponseDataRate = new MinDataRate(UploadPace.MinLargeBytesPerSecond, TimeSpan.FromSeconds(5));
        });

        // Data that the server reads ahead, of a request that waits for memory, counts towards no budget.
        services.Configure<SocketTransportOptions>(static options => options.MaxReadBufferSize = ReadAheadBytes);
        services.AddSingleton<IConfigureOptions<KestrelServerOptions>, ConnectionCutoff>();
        services.AddSingleton(new FunctionAssembly(typeof(FunctionInvoker).Assembly));
        return services.AddSingleton<SaturationLog>().AddSingleton<RequestProblems>().AddSingleton<RequestServices>()
            .AddSingleton<FunctionInvoker>().AddSingleton<AsyncResponder>()
            .AddSingleton(static provider => new PlaygroundResult(provider.GetRequiredService<TaskPatterns>));
    }
}
