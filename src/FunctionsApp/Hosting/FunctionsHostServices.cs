using System.Globalization;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Http;
using FunctionsApp.Logging;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Hosting;

/// <summary>How the app differs under the Functions host from a server of its own.</summary>
public static class FunctionsHostServices
{
    /// <summary>The time to finish a response, after the maximum time limit and before the host ends the invocation.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10);

    /// <summary>The load balancer of Azure drops a request without a response after 230 s.</summary>
    private const int MaxWaitSeconds = 200;

    /// <summary>Configures the app for the Functions host.</summary>
    /// <param name="services">The worker's services.</param>
    /// <param name="configuration">The app settings.</param>
    /// <param name="directory">The directory of host.json.</param>
    public static IServiceCollection AddFunctionsHost(this IServiceCollection services, IConfiguration configuration, string directory)
    {
        var hostJson = HostJson.Load(directory, configuration);
        services.Configure<ForwardingOptions>(static forwarding => forwarding.RespondsDuringUpload = false);
        services.AddFunctionsLogging(hostJson, configuration);
        services.PostConfigure<LimitsOptions>(static limits => limits.MaxWaitSeconds = Math.Min(limits.MaxWaitSeconds, MaxWaitSeconds));
        TimeSpan? maxActivityTime = null;
        if (TimeoutOf(hostJson, configuration) is { } timeout)
        {
            services.PostConfigure<LimitsOptions>(limits => Cap(limits, timeout));

            // Half of the margin is for the wait of an attempt, the other half to store its outcome.
            maxActivityTime = timeout - (MarginOf(timeout) / 2);
        }

        if (TasksOptions.IsDurable(configuration))
        {
            DurableExtension.AddTo(services, hostJson, configuration, maxActivityTime);
        }

        return services;
    }

    /// <summary>Returns how long the Functions host lets an invocation run; null for any time.</summary>
    private static TimeSpan? TimeoutOf(IConfiguration hostJson, IConfiguration configuration) => hostJson["functionTimeout"] switch
    {
        // The default of the plan.
        null => TimeSpan.FromMinutes(configuration["WEBSITE_SKU"] is "Dynamic" ? 5 : 30),
        "-1" => null,

        // The host itself rejects an invalid value, before it starts the worker.
        var text => TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var timeout) ? timeout : null,
    };

    private static TimeSpan MarginOf(TimeSpan timeout) => TimeSpan.FromTicks(Math.Min(Margin.Ticks, timeout.Ticks / 10));

    /// <summary>
    /// Keeps time limits below the host's: if an invocation exceeds that, the host restarts the worker, and its other work is lost.
    /// </summary>
    private static void Cap(LimitsOptions limits, TimeSpan timeout)
    {
        var seconds = (int)Math.Max(1, (timeout - MarginOf(timeout)).TotalSeconds);
        if (seconds < limits.MaxTimeoutSeconds)
        {
            limits.MaxTimeoutSeconds = seconds;
            limits.MaxTimeoutSource = string.Create(CultureInfo.InvariantCulture, $"functionTimeout of the Functions host is {timeout}");
        }
    }
}
