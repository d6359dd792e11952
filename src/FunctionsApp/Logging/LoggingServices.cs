using FunctionsApp.Core.Problems;
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
        var (ofHost, ofApp) = (hostJson.GetSection("logging"), configuration.GetSection("Logging"));
        EnsureLevels(ofHost);
        EnsureLevels(ofApp);
        var levels = new ConfigurationBuilder().AddConfiguration(ofHost).AddConfiguration(ofApp).Build();

        // The framework logs a failed start with its stack. Every host prints the message instead.
        services.AddLogging(logging => logging.AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical).AddConfiguration(levels));
        services.PostConfigure<LoggerFilterOptions>(HideQueries);
        return services.AddHostedService<StartupLog>();
    }

    /// <summary>Checks the levels of all providers and of each: the framework's error names no setting.</summary>
    private static void EnsureLevels(IConfigurationSection logging)
    {
        foreach (var level in logging.GetChildren().Append(logging).SelectMany(static of => of.GetSection("LogLevel").GetChildren()))
        {
            if (level.Value is { Length: > 0 } value && !Enum.TryParse<LogLevel>(value, ignoreCase: true, out _))
            {
                var others = string.Join(", ", Enum.GetNames<LogLevel>()[..^1]);
                throw new InvalidOperationException(
                    $"{level.Path} is '{Excerpt.Of(value)}': it must be {others} or {LogLevel.None}.");
            }
        }
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
