using System.Globalization;
using FunctionsApp.Core.Limits;
using FunctionsApp.Http;
using FunctionsApp.Logging;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Hosting;

/// <summary>What the app does otherwise under the Functions host than on a server of its own.</summary>
public static class FunctionsHostServices
{
    /// <summary>The time for the last of an answer, after the longest time limit and before the host ends the invocation.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10);

    /// <summary>The load balancer of Azure drops a request that has had no response for 230 s.</summary>
    private const int MaxWaitSeconds = 200;

    /// <summary>Fits the app into the Functions host.</summary>
    /// <param name="services">The worker's services.</param>
    /// <param name="configuration">The app settings.</param>
    /// <param name="directory">Where host.json lies.</param>
    public static IServiceCollection AddFunctionsHost(this IServiceCollection services, IConfiguration configuration, string directory)
    {
        var hostJson = HostJson.Load(directory, configuration);
        services.Configure<ForwardingOptions>(static forwarding => forwarding.IsDuplex = false);
        services.AddFunctionsLogging(hostJson, configuration);
        services.PostConfigure<LimitsOptions>(static limits => limits.MaxWaitSeconds = Math.Min(limits.MaxWaitSeconds, MaxWaitSeconds));
        if (FunctionTimeout.Read(hostJson, configuration) is { } timeout)
        {
            services.PostConfigure<LimitsOptions>(limits => Cap(limits, timeout));
        }

        return services;
    }

    /// <summary>Keeps every time limit below the host's: where an invocation takes longer, the host restarts the worker, and whatever else runs there is lost.</summary>
    private static void Cap(LimitsOptions limits, TimeSpan timeout)
    {
        var margin = TimeSpan.FromTicks(Math.Min(Margin.Ticks, timeout.Ticks / 10));
        var seconds = (int)Math.Max(1, (timeout - margin).TotalSeconds);
        if (seconds < limits.MaxTimeoutSeconds)
        {
            limits.MaxTimeoutSeconds = seconds;
            limits.MaxTimeoutSource = string.Create(CultureInfo.InvariantCulture, $"functionTimeout of the Functions host is {timeout}");
        }
    }
}
