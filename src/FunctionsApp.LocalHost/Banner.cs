using FunctionsApp.Http;

namespace FunctionsApp.LocalHost;

/// <summary>Lists the functions with their URLs, like <c>func start</c>.</summary>
internal static partial class Banner
{
    /// <summary>Writes the list; the URLs have the first address. In a format for programs it logs the addresses instead.</summary>
    public static void Write(WebApplication app)
    {
        var addresses = string.Join(", ", app.Urls);
        if (!ConsoleFormat.IsSimple(app.Configuration))
        {
            var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Banner).Namespace!);
            LogListening(logger, addresses);
            return;
        }

        var output = Console.Out;
        output.WriteLine();
        output.WriteLine("Functions:");
        output.WriteLine();
        var endpoints = ((IEndpointRouteBuilder)app).DataSources.SelectMany(static source => source.Endpoints);
        foreach (var endpoint in endpoints.OfType<RouteEndpoint>())
        {
            if (endpoint.Metadata.GetMetadata<HttpFunction>() is { } function)
            {
                var methods = string.Join(',', function.Trigger.Methods ?? []).ToUpperInvariant();
                output.WriteLine($"  {function.Name}: [{methods}] {app.Urls.First()}/{endpoint.RoutePattern.RawText!.TrimStart('/')}");
            }
        }

        output.WriteLine();
        output.WriteLine($"Playground: {app.Urls.First()}/");
        output.WriteLine($"Listening on {addresses}. Stop with Ctrl+C.");
        output.Flush();
    }

    [LoggerMessage(EventId = 7, Level = LogLevel.Information, Message = "Listening on {Addresses}")]
    private static partial void LogListening(ILogger logger, string addresses);
}
