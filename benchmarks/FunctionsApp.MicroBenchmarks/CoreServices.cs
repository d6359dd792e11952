using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace FunctionsApp.MicroBenchmarks;

/// <summary>The service layer as a host composes it.</summary>
internal static class CoreServices
{
    public static T Get<T>()
        where T : notnull => new ServiceCollection()
            .AddSingleton(typeof(ILogger<>), typeof(NullLogger<>))
            .AddFunctionsCore(new ConfigurationBuilder().Build()).AddBuiltInOperations()
            .BuildServiceProvider()
            .GetRequiredService<T>();
}
