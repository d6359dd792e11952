using Microsoft.Extensions.Options;

namespace FunctionsApp.Hosting;

/// <summary>
/// Reports why a host cannot start. The cause is a setting or an address: its operator needs the message, not a stack trace.
/// </summary>
public static class StartupFailure
{
    /// <summary>Writes the causes to the error output, a line each.</summary>
    /// <param name="exception">What the start has thrown.</param>
    public static Task WriteAsync(Exception exception) =>
        Console.Error.WriteLineAsync(string.Join(Environment.NewLine, CausesOf(exception)));

    private static IEnumerable<string> CausesOf(Exception exception) => exception switch
    {
        OptionsValidationException invalid => invalid.Failures,
        AggregateException several => several.InnerExceptions.SelectMany(CausesOf),
        _ => [exception.Message],
    };
}
