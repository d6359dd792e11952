using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Logging;

/// <summary>Registers the app's logs for its operator, and their levels.</summary>
public static class LoggingServices
{
    /// <summary>Framework categories whose messages contain URLs with their queries, and so keys (<c>?code=</c>).</summary>
    private static readonly string[] CategoriesWithQueries =
        ["Microsoft.AspNetCore.Hosting.Diagnostics", "Microsoft.AspNetCore.Server.Kestrel.BadRequests"];

    /// <summary>Adds the app's own messages and the levels of all categories. Every host calls this.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="hostJson">host.json: its section <c>logging</c> has the levels by category.</param>
    /// <param name="configuration">The app settings: their section <c>Logging</c> overrides host.json.</param>
    public static IServiceCollection AddFunctionsLogging(
        this IServiceCollection services, IConfiguration hostJson, IConfiguration configuration)
    {
        var levels = new ConfigurationBuilder()
            .AddConfiguration(hostJson.GetSection("logging")).AddConfiguration(configuration.GetSection("Logging")).Build();

        // The framework logs a failed start with its stack. Every host prints the message instead.
        services.AddLogging(logging => logging.AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical).AddConfiguration(levels));
        services.PostConfigure<LoggerFilterOptions>(HideQueries);
        return services.AddHostedService<StartupLog>();
    }

    /// <summary>Sets the level of the categories with queries, for every provider, whatever the configuration says.</summary>
    private static void HideQueries(LoggerFilterOptions options)
    {
        var providers = options.Rules.Select(static rule => rule.ProviderName).Append(null).Distinct(StringComparer.Ordinal).ToList();
        foreach (var provider in providers)
        {
            foreach (var category in CategoriesWithQueries)
            {
                options.Rules.Add(new LoggerFilterRule(provider, category, LogLevel.Warning, filter: null));
            }
        }
    }
}
