using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Logging.Console;

namespace FunctionsApp.LocalHost;

/// <summary>The format of log lines on the console: with the time in UTC, or as configured.</summary>
internal static class ConsoleFormat
{
    private const string Setting = "Logging:Console:FormatterName";
    private const string Timestamp = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>Returns whether the lines are for people, and not for programs.</summary>
    public static bool IsSimple(IConfiguration configuration) =>
        string.IsNullOrEmpty(configuration[Setting])
        || ConsoleFormatterNames.Simple.Equals(configuration[Setting], StringComparison.OrdinalIgnoreCase);

    /// <summary>Sets the format. <c>Logging:Console</c> overrides it.</summary>
    public static void AddConsoleFormat(this IServiceCollection services, IConfiguration configuration)
    {
        services.PostConfigure<SimpleConsoleFormatterOptions>(static simple => Stamp(simple, Timestamp + " "));
        services.PostConfigure<JsonConsoleFormatterOptions>(static json => Stamp(json, Timestamp));
        if (configuration[Setting] is { Length: > 0 } formatter)
        {
            // The builder has set the simple one.
            services.AddOptions<ConsoleLoggerOptions>()
                .PostConfigure(console => console.FormatterName = formatter)
                .Validate<IEnumerable<ConsoleFormatter>>(
                    (_, formatters) => formatters.Any(known => known.Name.Equals(formatter, StringComparison.OrdinalIgnoreCase)),
                    $"{Setting} is '{Excerpt.Of(formatter)}': it must be simple, json or systemd.");
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
