using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Hosting;

/// <summary>
/// Runs a host until shutdown. If it cannot start because of a setting or an address, the operator gets the message, not a stack trace.
/// </summary>
public static class HostRunner
{
    /// <summary>Builds and starts a host, and waits for its shutdown.</summary>
    /// <typeparam name="T">The type of the host.</typeparam>
    /// <param name="build">Builds the host.</param>
    /// <param name="started">Is called when the host has started.</param>
    /// <returns>The process's exit code: 0 after a graceful shutdown, 1 if it could not start.</returns>
    public static async Task<int> RunAsync<T>(Func<T> build, Action<T>? started = null)
        where T : IHost
    {
        T? host = default;
        try
        {
            host = build();
            await host.StartAsync();
            started?.Invoke(host);
        }
        catch (OperationCanceledException) when (host is not null && IsStopping(host))
        {
            // Its shutdown was requested before it had started.
        }
#pragma warning disable CA1031 // It is reported.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            await Console.Error.WriteLineAsync(string.Join(Environment.NewLine, CausesOf(exception)));
            return 1;
        }

        await using (host as IAsyncDisposable)
        {
            await host.WaitForShutdownAsync();
        }

        return 0;
    }

    private static bool IsStopping(IHost host) =>
        host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested;

    private static IEnumerable<string> CausesOf(Exception exception) => exception switch
    {
        OptionsValidationException invalid => invalid.Failures,
        AggregateException several => several.InnerExceptions.SelectMany(CausesOf),
        InvalidOperationException or IOException or FormatException => [exception.Message],

        // A bug: its stack trace is all that leads to it.
        _ => [exception.ToString()],
    };
}
