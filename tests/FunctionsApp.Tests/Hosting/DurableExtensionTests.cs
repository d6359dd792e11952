using System.Reflection;
using System.Text.Json;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Hosting;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;
using FunctionsApp.Hosting;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Tests.Hosting;

/// <summary>The durable engine under the Functions host, whose extension runs the tasks.</summary>
public sealed class DurableExtensionTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("durable-extension-");

    [Theory]
    [InlineData("AzureWebJobsStorage", "UseDevelopmentStorage=true", "durable")]
    [InlineData("AzureWebJobsStorage:accountName", "account", "durable")]
    [InlineData("ConnectionStrings:AzureWebJobsStorage", "UseDevelopmentStorage=true", "durable")]
    [InlineData("FUNCTIONS_WORKER_RUNTIME", "dotnet-isolated", "embedded")]
    public void Tasks_are_in_the_storage_account_of_the_host_if_there_is_one(string setting, string value, string engine) => Assert.Equal(
        engine, DurableExtension.DefaultEngine(new ConfigurationBuilder().AddInMemoryCollection([new(setting, value)]).Build()));

    [Fact]
    public void The_app_uses_the_hub_of_the_extension()
    {
        using var services = Services(
            """{"extensions":{"durableTask":{"hubName":"Shop","storageProvider":{"connectionName":"ShopStorage","partitionCount":8}}}}""",
            ("ShopStorage", "UseDevelopmentStorage=true"));

        var tasks = services.GetRequiredService<IOptions<TasksOptions>>().Value;

        Assert.Equal(("Shop", "ShopStorage"), (tasks.HubName, tasks.Connection));
        Assert.Equal(8, services.GetRequiredService<IOptions<DurableHostingOptions>>().Value.PartitionCount);
    }

    [Theory]
    [InlineData("AzureFunctionsJobHost:extensions:durableTask:hubName", "Other", "Other")]
    [InlineData("Tasks:HubName", "functionsapp", "FunctionsApp")]
    [InlineData("Tasks:MaxPollingSeconds", "0.8", "FunctionsApp")]
    [InlineData("Unrelated", "1", "FunctionsApp")]
    public void A_setting_can_name_another_hub_than_this_repository(string setting, string value, string expected)
    {
        using var services = Services(OwnHostJson, (setting, value));

        Assert.Equal(expected, services.GetRequiredService<IOptions<TasksOptions>>().Value.HubName);
    }

    [Fact]
    public void The_name_of_the_hub_can_refer_to_a_setting()
    {
        using var services = Services("""{"extensions":{"durableTask":{"hubName":"%My__Hub%"}}}""", ("My:Hub", "Mine"));

        Assert.Equal("Mine", services.GetRequiredService<IOptions<TasksOptions>>().Value.HubName);
    }

    [Theory]
    [InlineData("Tasks:HubName", "Other", "Tasks:HubName is 'Other', but extensions:durableTask:hubName of host.json is 'FunctionsApp'. Under the Functions host set AzureFunctionsJobHost__extensions__durableTask__hubName instead.")]
    [InlineData("Tasks:Connection", "Other", "Tasks:Connection is 'Other', but extensions:durableTask:storageProvider:connectionName of host.json is 'AzureWebJobsStorage'. Under the Functions host set AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionName instead.")]
    [InlineData("Tasks:MaxPollingSeconds", "2", "Tasks:MaxPollingSeconds is '2', but extensions:durableTask:storageProvider:maxQueuePollingInterval of host.json is '0.8'. Under the Functions host set AzureFunctionsJobHost__extensions__durableTask__storageProvider__maxQueuePollingInterval instead.")]
    public void A_setting_that_the_extension_ignores_is_refused(string setting, string value, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidOperationException>(() => Services(OwnHostJson, (setting, value))).Message);

    [Fact]
    public void A_host_json_without_a_hub_is_refused() => Assert.Equal(
        "host.json must name the task hub: extensions:durableTask:hubName.",
        Assert.Throws<InvalidOperationException>(() => Services("{}")).Message);

    [Theory]
    [InlineData("00:10:00", 595.0)]
    [InlineData("-1", null)]
    public void An_attempt_that_waits_ends_with_the_hosts_timeout(string functionTimeout, double? seconds)
    {
        using var services = Services(OwnHostJson, ("AzureFunctionsJobHost:functionTimeout", functionTimeout));

        var hosting = services.GetRequiredService<IOptions<DurableHostingOptions>>().Value;

        Assert.True(hosting.HasExtension);
        Assert.Equal(seconds, hosting.MaxActivityTime?.TotalSeconds);
    }

    [Fact]
    public void The_extension_serializes_as_the_app_does()
    {
        using var services = Services(OwnHostJson);
        var order = new AttemptInput("id", 2, new TaskDefinition { Pattern = "await", Path = "/api/tasks", Operation = "echo", TtlSeconds = 60 }, 10, DateTimeOffset.UnixEpoch);
        var serializer = services.GetRequiredService<IOptions<WorkerOptions>>().Value.Serializer!;

        var text = serializer.Serialize(order, typeof(AttemptInput), default);

        Assert.Equal(2, JsonDocument.Parse(text).RootElement.GetProperty("call").GetInt32());
        Assert.Equal(order, serializer.Deserialize(text.ToStream(), typeof(AttemptInput), default));
    }

    [Fact]
    public void Each_orchestration_and_activity_is_a_function_of_that_name()
    {
        var functions = typeof(DurableFunctions).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .ToDictionary(static method => method.GetCustomAttribute<FunctionAttribute>()!.Name, static method => method.GetParameters()[0]);

        Assert.Equal(["Task", "TaskAttempt", "TaskDelivery"], functions.Keys.Order(StringComparer.Ordinal));
        Assert.All(functions, static function => Assert.NotNull(function.Key is "Task"
            ? function.Value.GetCustomAttribute<OrchestrationTriggerAttribute>()
            : (Attribute?)function.Value.GetCustomAttribute<ActivityTriggerAttribute>()));
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private static string OwnHostJson => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "host.json"));

    private ServiceProvider Services(string hostJson, params (string Key, string? Value)[] settings)
    {
        File.WriteAllText(Path.Combine(_directory.FullName, "host.json"), hostJson);
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new("Tasks:Engine", "durable"), new("AzureWebJobsStorage", "UseDevelopmentStorage=true")])
            .AddInMemoryCollection(settings.Select(static setting => KeyValuePair.Create(setting.Key, setting.Value))).Build();
        return new ServiceCollection().AddLogging().AddSingleton<IConfiguration>(configuration)
            .AddFunctionsApp(configuration).AddFunctionsHost(configuration, _directory.FullName).BuildServiceProvider();
    }
}
