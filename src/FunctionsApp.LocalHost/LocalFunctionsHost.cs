using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Settings;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Hosting;
using FunctionsApp.Http;
using FunctionsApp.Logging;
using FunctionsApp.Telemetry;

namespace FunctionsApp.LocalHost;

/// <summary>Composes the host: the part of <c>func start</c> for the worker, on Kestrel alone.</summary>
public static class LocalFunctionsHost
{
    /// <summary>Serves the functions until shutdown.</summary>
    /// <param name="args">Configuration, such as <c>--urls http://127.0.0.1:7072</c> or <c>--Limits:MaxCalls 100</c>.</param>
    /// <param name="configure">Adds to the services of the app, such as operations of your own.</param>
    /// <returns>The process's exit code: 0 after a graceful shutdown, 1 if it could not start.</returns>
    public static async Task<int> RunAsync(string[] args, Action<IServiceCollection>? configure = null)
    {
        if (Help.For(args) is { } text)
        {
            await Console.Out.WriteLineAsync(text);
            return 0;
        }

        return await HostRunner.RunAsync(() => Build(args, configure), static app =>
        {
            app.Services.GetRequiredService<AppIdentity>().Listen(ListenAddresses.EndPoints(app.Urls));
            Banner.Write(app);
        });
    }

    /// <summary>The task hub of host.json, which the Functions host uses too; null if it refers to a setting.</summary>
    private static string? HubOf(IConfiguration hostJson) =>
        hostJson["extensions:durableTask:hubName"] is [not '%', ..] hub ? hub : null;

    /// <summary>The directory of host.json and local.settings.json: by default that of the build.</summary>
    /// <exception cref="InvalidOperationException">The one that is set does not exist.</exception>
    private static string ScriptRoot()
    {
        const string Setting = "AzureWebJobsScriptRoot";
        var root = Environment.GetEnvironmentVariable(Setting) ?? AppContext.BaseDirectory;
        return Directory.Exists(root) ? root : throw new InvalidOperationException($"{Setting} is '{root}': it must be a directory.");
    }

    /// <summary>Builds the host, for tests in the same process. It serves after <see cref="WebApplication.StartAsync"/>.</summary>
    /// <param name="args">Configuration, such as <c>--port 0</c> for a free port.</param>
    /// <param name="configure">Adds to the services of the app, such as operations of your own.</param>
    public static WebApplication Build(string[] args, Action<IServiceCollection>? configure = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = ScriptRoot() });
        LocalSettings.AddTo(builder.Configuration, builder.Environment.ContentRootPath);
        var commandLine = new CommandLine(args);
        builder.Configuration.Sources.Add(commandLine);
        var hostJson = HostJson.Load(builder.Environment.ContentRootPath, builder.Configuration);
        var http = new HttpOptions();
        new SettingsSection(HttpOptions.Section, typeof(HttpOptions)).Bind(hostJson, section => section.Bind(http));
        var addresses = ListenAddresses.From(builder.Configuration);

        builder.WebHost.UseUrls([.. addresses.Urls]);
        builder.WebHost.ConfigureKestrel(static options => options.RequestHeaderEncodingSelector = ContentLengthEncoding.Select);
        builder.Services.AddRouting();
        builder.Services.AddSingleton(addresses);
        builder.Services.AddSingleton(http);
        builder.Services.AddSingleton<OriginGuard>();
        builder.Services.AddSingleton<FunctionKeys>();
        builder.Services.AddSingleton<RequestThrottle>();
        builder.Services.AddSingleton<ISettingNames>(commandLine);
        builder.Services.AddSettings<HostOptions>(
            builder.Configuration, HostOptions.Section, static (section, host) => section.Bind(host));
        builder.Services.AddCors();
        builder.Services.Configure<WebhookOptions>(static webhooks => webhooks.GenerateSigningKey = true);
        builder.Services.Configure<TasksOptions>(tasks => tasks.HubName = HubOf(hostJson) ?? tasks.HubName);
        builder.Services.AddFunctionsApp(builder.Configuration);

        // Not below the build output, which a clean build may delete.
        builder.Services.Configure<TasksOptions>(static tasks => tasks.ResolveDirectory(Environment.CurrentDirectory));
        builder.Services.AddFunctionsTelemetry(builder.Configuration);
        builder.Services.AddFunctionsLogging(hostJson, builder.Configuration);
        builder.Services.AddConsoleFormat(builder.Configuration);
        configure?.Invoke(builder.Services);

        var app = builder.Build();
        app.UseMiddleware<ServerProblems>();
        app.Services.GetRequiredService<OriginGuard>().AllowIn(app);
        app.UseRouting();
        app.Use(app.Services.GetRequiredService<FunctionKeys>().AdmitAsync);
        app.Use(app.Services.GetRequiredService<RequestThrottle>().AdmitAsync);
        app.MapFunctions(http.RoutePrefix);

        var api = $"/{http.RoutePrefix.Trim('/')}/".Replace("//", "/", StringComparison.Ordinal);
        var playground = new PlaygroundResult(app.Services.GetRequiredService<TaskPatterns>, api);
        app.MapMethods("/", [HttpMethods.Get, HttpMethods.Head], playground.ExecuteAsync);
        return app;
    }
}
