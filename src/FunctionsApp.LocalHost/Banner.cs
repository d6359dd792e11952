using FunctionsApp.Http;

namespace FunctionsApp.LocalHost;

/// <summary>Lists the functions with their URLs, like <c>func start</c>.</summary>
internal static class Banner
{
    /// <summary>Writes the list; the URLs have the first address.</summary>
    public static void Write(TextWriter output, WebApplication app)
    {
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
        output.WriteLine($"Listening on {string.Join(", ", app.Urls)}. Stop with Ctrl+C.");
        output.Flush();
    }
}
