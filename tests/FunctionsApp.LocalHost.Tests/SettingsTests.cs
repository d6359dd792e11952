namespace FunctionsApp.LocalHost.Tests;

/// <summary>Invalid settings, of the local host and of the worker.</summary>
public sealed class SettingsTests
{
    private const string InvalidConnectionString =
        "APPLICATIONINSIGHTS_CONNECTION_STRING is invalid: it must be as InstrumentationKey=…;IngestionEndpoint=https://….";

    public static TheoryData<string, string, string> Invalid => new()
    {
        { "Limits__MaxTimeoutSeconds", "abc", "Limits:MaxTimeoutSeconds is 'abc': it must be a whole number from 1 to 86400." },
        { "Limits__MaxTimeoutSeconds", "-1", "Limits:MaxTimeoutSeconds is '-1': it must be a whole number from 1 to 86400." },
        { "Limits__MaxItems", "99999999999", "Limits:MaxItems is '99999999999': it must be a whole number from 1 to 100000000." },
        { "Limits__MaxBytesInFlight", "1", "Limits:MaxBytesInFlight is '1': it must be a whole number from 1048576 to 1099511627776." },
        { "Outbound__ConnectTimeoutSeconds", "soon", "Outbound:ConnectTimeoutSeconds is 'soon': it must be a number from 0.1 to 300." },
        { "Outbound__AllowedPorts__0", "https", "Outbound:AllowedPorts:0 is 'https': it must be a whole number." },
        { "Callbacks__GenerateSigningKey", "maybe", "Callbacks:GenerateSigningKey is 'maybe': it must be true or false." },
        { "Logging__LogLevel__Default", "Loud", "Logging:LogLevel:Default is 'Loud': it must be Trace, Debug, Information, Warning, Error, Critical or None." },
        { "Logging__Console__LogLevel__Mine", "9x", "Logging:Console:LogLevel:Mine is '9x': it must be Trace, Debug, Information, Warning, Error, Critical or None." },
        { "Tasks__Engine", "quantum", "Tasks:Engine is 'quantum': it must be 'embedded' or 'durable'." },
        { "Tasks__HubName", "1", "Tasks:HubName is '1': it must be 3 to 45 letters and digits, the first a letter." },
        { "OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT is 'collector:4318': it must be an address such as http://127.0.0.1:4318." },
        { "OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://user:hunter2@collector", "OTEL_EXPORTER_OTLP_ENDPOINT is invalid: it must be an address such as http://127.0.0.1:4318." },
        { "APPLICATIONINSIGHTS_CONNECTION_STRING", "c2VjcmV0", InvalidConnectionString },
        { "APPLICATIONINSIGHTS_CONNECTION_STRING", "IngestionEndpoint=https://127.0.0.1", InvalidConnectionString },
        { "APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=c2VjcmV0;IngestionEndpoint=nowhere", InvalidConnectionString },
        { "Callbacks__SigningKeys__0", "whsec_c2hvcnQ=", "Callbacks:SigningKeys:0 has 5 bytes, not 24 to 64." },
    };

    [Theory, MemberData(nameof(Invalid))]
    public async Task The_local_host_names_the_setting_and_its_value(string setting, string value, string expected)
    {
        await using var host = HostProcess.Start([], (setting, value));

        Assert.Equal(1, await host.EndAsync());
        Assert.Equal([expected], host.Lines);
    }

    [Theory, MemberData(nameof(Invalid))]
    public async Task The_worker_names_the_setting_and_its_value(string setting, string value, string expected)
    {
        await using var worker = HostProcess.Run(
            [
                Repository.Assembly("src/FunctionsApp"), "--host", "127.0.0.1", "--port", "1", "--workerId", "w", "--requestId", "r", "--grpcMaxMessageLength", "1000000",
                "--functions-uri", "http://127.0.0.1:1", "--functions-worker-id", "w", "--functions-request-id", "r", "--functions-grpc-max-message-length", "1000000",
            ],
            (setting, value));

        Assert.Equal(1, await worker.EndAsync());
        Assert.Equal([expected], worker.Lines);
    }

    [Theory]
    [InlineData("--port", "many", "port is 'many': it must be a whole number from 0 to 65535.")]
    [InlineData("--port", "65536", "port is '65536': it must be a whole number from 0 to 65535.")]
    [InlineData("--urls", "127.0.0.1", "urls has '127.0.0.1': it must be an address such as http://127.0.0.1:7071.")]
    [InlineData("--Logging:Console:FormatterName", "jsn", "Logging:Console:FormatterName is 'jsn': it must be simple, json or systemd.")]
    [InlineData("--Host:MaxWatchers", "0", "Host:MaxWatchers is '0': it must be a whole number from 1 to 2147483647.")]
    [InlineData("--AzureFunctionsJobHost:extensions:http:maxConcurrentRequests", "x", "extensions:http:MaxConcurrentRequests is 'x': it must be a whole number.")]
    public async Task The_local_hosts_own_settings_are_named_too(string option, string value, string expected)
    {
        await using var host = HostProcess.Start([option, value]);

        Assert.Equal(1, await host.EndAsync());
        Assert.Equal([expected], host.Lines);
    }

    [Theory]
    [InlineData("http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL is 'tcp': it must be grpc or http/protobuf.")]
    [InlineData("", "Limits:MaxDepth is '0': it must be a whole number from 4 to 512.")]
    public async Task The_protocol_of_the_collector_is_checked_only_if_there_is_one(string endpoint, string expected)
    {
        await using var host = HostProcess.Start(
            ["--Limits:MaxDepth", "0"], ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "tcp"));

        Assert.Equal(1, await host.EndAsync());
        Assert.Equal([expected], host.Lines);
    }

    [Fact]
    public async Task A_script_root_that_does_not_exist_is_named()
    {
        await using var host = HostProcess.Start([], ("AzureWebJobsScriptRoot", "/nowhere"));

        Assert.Equal(1, await host.EndAsync());
        Assert.Equal(["AzureWebJobsScriptRoot is '/nowhere': it must be a directory."], host.Lines);
    }

    [Fact]
    public async Task Each_invalid_setting_is_a_line()
    {
        await using var host = HostProcess.Start(["--Limits:MaxDepth", "0", "--Limits:MaxCalls", "0", "--Cpu:Threads", "0"]);

        Assert.Equal(1, await host.EndAsync());
        Assert.Equal(
            ["Cpu:Threads", "Limits:MaxCalls", "Limits:MaxDepth"], host.Lines.Select(static line => line.Split(' ')[0]).Order());
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("durable")]
    public async Task No_message_quotes_a_connection_string(string engine)
    {
        await using var host = HostProcess.Start(
            ["--Tasks:Engine", engine, "--Limits:MaxDepth", "0"], ("Tasks__Connection", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0"), ("AzureWebJobsStorage", "AccountKey=c2VjcmV0"));

        Assert.Equal(1, await host.EndAsync());
        Assert.DoesNotContain(host.Lines, static line => line.Contains("c2VjcmV0", StringComparison.Ordinal));
        Assert.Equal(engine == "durable", host.Lines.Contains("Tasks:Connection must be the name of a setting, not a connection string."));
    }
}
