using Microsoft.Extensions.Options;

namespace FunctionsApp.Hosting;

/// <summary>
/// Reports why a host cannot start. If the cause is a setting or an address, the operator needs the message, not a stack trace.
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
        InvalidOperationException or IOException or FormatException => [exception.Message],

        // A bug: its stack trace is all that leads to it.
        _ => [exception.ToString()],
    };
}
