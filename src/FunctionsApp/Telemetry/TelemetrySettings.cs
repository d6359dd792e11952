using Microsoft.Extensions.Configuration;

namespace FunctionsApp.Telemetry;

/// <summary>The settings of the exporters. Checked here, because the exporters name a class, or ignore what they cannot read.</summary>
internal static class TelemetrySettings
{
    /// <summary>The address of the collector.</summary>
    public const string OtlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>The connection string of Azure Monitor.</summary>
    public const string ApplicationInsights = "APPLICATIONINSIGHTS_CONNECTION_STRING";

    private const string OtlpProtocol = "OTEL_EXPORTER_OTLP_PROTOCOL";

    /// <summary>Returns whether a setting has a value.</summary>
    public static bool IsSet(IConfiguration configuration, string setting) => !string.IsNullOrWhiteSpace(configuration[setting]);

    /// <summary>Checks the settings that are set.</summary>
    /// <exception cref="InvalidOperationException">One is invalid. The message has no part of a secret.</exception>
    public static void Check(IConfiguration configuration)
    {
        if (IsSet(configuration, OtlpEndpoint))
        {
            CheckCollector(configuration[OtlpEndpoint]!, configuration[OtlpProtocol]);
        }

        if (IsSet(configuration, ApplicationInsights) && !IsConnectionString(configuration[ApplicationInsights]!))
        {
            throw new InvalidOperationException(
                $"{ApplicationInsights} is invalid: it must be as InstrumentationKey=…;IngestionEndpoint=https://….");
        }
    }

    private static void CheckCollector(string endpoint, string? protocol)
    {
        if (!IsHttp(endpoint))
        {
            throw new InvalidOperationException(
                $"{OtlpEndpoint} is {Quoted(endpoint)}: it must be an address such as http://127.0.0.1:4318.");
        }

        if (protocol is { Length: > 0 } and not ("grpc" or "http/protobuf"))
        {
            throw new InvalidOperationException($"{OtlpProtocol} is '{protocol}': it must be grpc or http/protobuf.");
        }
    }

    private static bool IsHttp(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https";

    /// <summary>A URL with a user's name may have a password too.</summary>
    private static string Quoted(string value) => value.Contains('@', StringComparison.Ordinal) ? "invalid" : $"'{value}'";

    private static bool IsConnectionString(string text)
    {
        var hasKey = false;
        foreach (var part in text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (part.Split('=', 2, StringSplitOptions.TrimEntries) is not [var name, { Length: > 0 } value]
                || (name.EndsWith("Endpoint", StringComparison.OrdinalIgnoreCase) && !IsHttp(value)))
            {
                return false;
            }

            hasKey |= name.Equals("InstrumentationKey", StringComparison.OrdinalIgnoreCase);
        }

        return hasKey;
    }
}
