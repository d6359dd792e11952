using Microsoft.Extensions.Logging.Console;

namespace FunctionsApp.LocalHost;

/// <summary>The format of log lines on the console: with the time in UTC, and as JSON if the configuration says so.</summary>
internal static class ConsoleFormat
{
    private const string Setting = "Logging:Console:FormatterName";
    private const string Timestamp = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>Returns whether the lines are for people, and not for programs.</summary>
    public static bool IsSimple(IConfiguration configuration) =>
        configuration[Setting] is not { } formatter || formatter.Equals(ConsoleFormatterNames.Simple, StringComparison.OrdinalIgnoreCase);

    /// <summary>Sets the format. <c>Logging:Console</c> overrides it.</summary>
    public static void AddConsoleFormat(this IServiceCollection services, IConfiguration configuration)
    {
        services.PostConfigure<SimpleConsoleFormatterOptions>(static simple => Stamp(simple, Timestamp + " "));
        services.PostConfigure<JsonConsoleFormatterOptions>(static json => Stamp(json, Timestamp));
        if (configuration[Setting] is { } formatter)
        {
            // The builder sets the simple one, whatever the configuration says.
            services.PostConfigure<ConsoleLoggerOptions>(console => console.FormatterName = formatter);
        }
    }

    private static void Stamp(ConsoleFormatterOptions options, string format)
    {
        if (options.TimestampFormat is null)
        {
            (options.TimestampFormat, options.UseUtcTimestamp) = (format, true);
        }
    }
}
