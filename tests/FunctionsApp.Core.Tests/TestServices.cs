using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace FunctionsApp.Core.Tests;

/// <summary>The service layer as a host would have it, without a host.</summary>
public static class TestServices
{
    /// <summary>Registers the service layer; dispose of what is returned, so that its CPU threads end.</summary>
    /// <param name="time">The clock; the real one unless given.</param>
    /// <param name="configure">Registers more, such as a test's own operations.</param>
    /// <param name="settings">App settings, as <c>("Limits:MaxItems", "3")</c>.</param>
    public static ServiceProvider Create(
        TimeProvider? time = null, Action<IServiceCollection>? configure = null, params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(static setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)))
            .Build();

        var services = new ServiceCollection();
        services.TryAddSingleton(typeof(ILogger<>), typeof(NullLogger<>));
        services.AddSingleton(time ?? TimeProvider.System);
        services.AddFunctionsCore(configuration).AddBuiltInOperations();
        configure?.Invoke(services);
        return services.BuildServiceProvider();
    }
}
