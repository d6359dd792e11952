using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Health;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Patterns.Callback;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Patterns.Sequence;
using FunctionsApp.Core.Patterns.Streaming;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registration of the service layer.</summary>
public static class FunctionsCoreServices
{
    /// <summary>Adds every pattern. A host calls this, and adds operations and a task engine.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">
    /// The app settings; sections <c>Limits</c>, <c>Cpu</c>, <c>Outbound</c>, <c>Callbacks</c> and <c>Tasks</c> are validated at startup.
    /// </param>
    public static IServiceCollection AddFunctionsCore(this IServiceCollection services, IConfiguration configuration)
    {
        CoreJson.Add(
            ProblemJsonContext.Default, OperationJsonContext.Default,
            AwaitJsonContext.Default, SequenceJsonContext.Default, CallbackJsonContext.Default, GatherJsonContext.Default,
            MapJsonContext.Default, StreamJsonContext.Default, WebhookJsonContext.Default, TaskJsonContext.Default,
            HealthJsonContext.Default);

        AddSettings(services, configuration);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ProblemDescriber>();
        services.AddSingleton<RequestReader>();
        services.AddSingleton<TimeLimits>();
        services.AddSingleton<MemoryBudget>();
        services.AddSingleton<WorkGate>();
        services.AddSingleton<CpuScheduler>();
        services.AddSingleton(typeof(JsonContract<>));
        services.AddSingleton<OperationCatalog>();

        services.TryAddSingleton<IHostResolver, DnsResolver>();
        services.AddSingleton<AppIdentity>();
        services.AddSingleton<OutboundGuard>();
        services.AddSingleton(static provider => new OutboundClient(
            provider.GetRequiredService<OutboundGuard>(), provider.GetRequiredService<IOptions<OutboundOptions>>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<SigningKeys>();
        services.AddSingleton<WebhookSender>();
        services.AddSingleton<DeliverySchedule>();

        services.AddSingleton<PatternRuns>();
        services.AddTaskPattern<AwaitService>();
        services.AddTaskPattern<SequenceService>();
        services.AddTaskPattern<CallbackService>();
        services.AddTaskPattern<GatherService>();
        services.AddSingleton<MapRequestReader>();
        services.AddTaskPattern<MapService>();
        services.AddSingleton<TaskPatterns>();
        services.AddSingleton<StreamService>();
        services.AddSingleton<HealthService>();

        services.AddSingleton<TaskRunner>();
        services.AddSingleton<TaskService>();
        services.AddSingleton<WebhookAttempt>();
        services.AddSingleton(static provider => new Lazy<TaskRunner>(provider.GetRequiredService<TaskRunner>));
        services.AddSingleton(static provider => new Lazy<WebhookSender>(provider.GetRequiredService<WebhookSender>));

        return services;
    }

    private static void AddSettings(IServiceCollection services, IConfiguration configuration)
    {
        services.AddSettings<LimitsOptions>(configuration, LimitsOptions.Section, static (section, limits) => section.Bind(limits));
        services.AddSettings<CpuOptions>(configuration, CpuOptions.Section, static (section, cpu) => section.Bind(cpu));
        services.AddSettings<OutboundOptions>(configuration, OutboundOptions.Section, static (section, outbound) => section.Bind(outbound))
            .Configure(outbound => outbound.OwnHost = configuration["WEBSITE_HOSTNAME"]);
        services.AddSettings<WebhookOptions>(configuration, WebhookOptions.Section, static (section, webhooks) => section.Bind(webhooks));
        services.AddSettings<TasksOptions>(configuration, TasksOptions.Section, static (section, tasks) => section.Bind(tasks))
            .PostConfigure<IServiceProvider>(static (tasks, provider) => tasks.ResolveDirectory(
                provider.GetService<IHostEnvironment>()?.ContentRootPath ?? AppContext.BaseDirectory));
    }
}
