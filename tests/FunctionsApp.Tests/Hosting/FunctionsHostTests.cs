using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Tests.Hosting;

/// <summary>The longest time limit under the Functions host.</summary>
public sealed class FunctionsHostTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("functions-host-");

    [Theory]
    [InlineData("""{"version":"2.0","functionTimeout":"00:10:00"}""", 590)]
    [InlineData("""{"version":"2.0","functionTimeout":"00:00:30"} // half a minute""", 27)]
    [InlineData("""{"version":"2.0","functionTimeout":"00:00:01"}""", 1)]
    [InlineData("""{"version":"2.0","functionTimeout":"02:00:00"}""", 3_600)]
    [InlineData("""{"version":"2.0","functionTimeout":"-1"}""", 3_600)]
    [InlineData("""{"version":"2.0"}""", 1_790)]
    [InlineData(null, 1_790)]
    public void The_timeout_ends_before_the_hosts_own(string? hostJson, int expected) => Assert.Equal(expected, Limits(hostJson).MaxTimeoutSeconds);

    [Theory]
    [InlineData("AzureFunctionsJobHost:functionTimeout", "00:01:00", 54)]
    [InlineData("AzureFunctionsJobHost:functionTimeout", "-1", 3_600)]
    [InlineData("Limits:MaxTimeoutSeconds", "20", 20)]
    public void App_settings_override_the_file(string setting, string value, int expected) =>
        Assert.Equal(expected, Limits("""{"functionTimeout":"00:10:00"}""", (setting, value)).MaxTimeoutSeconds);

    [Theory]
    [InlineData("100", 100)]
    [InlineData("600", 200)]
    [InlineData(null, 200)]
    public void A_wait_for_a_task_ends_before_the_load_balancers_limit(string? setting, int expected) =>
        Assert.Equal(expected, Limits("{}", ("Limits:MaxWaitSeconds", setting)).MaxWaitSeconds);

    [Fact]
    public void Without_a_value_the_timeout_is_the_plans() => Assert.Equal(290, Limits("{}", ("WEBSITE_SKU", "Dynamic")).MaxTimeoutSeconds);

    [Fact]
    public void A_longer_timeout_is_refused_and_the_limit_named()
    {
        using var services = Services("""{"functionTimeout":"00:10:00"}""");

        var problem = Assert.Throws<ProblemException>(() => services.GetRequiredService<TimeLimits>().Check(591, "/timeoutSeconds")).Problem;

        Assert.Equal("invalid-request", problem.Slug);
        Assert.Equal(["must be more than 0 and at most 590 (functionTimeout of the Functions host is 00:10:00)"], problem.Errors!["/timeoutSeconds"]);
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private LimitsOptions Limits(string? hostJson, params (string Key, string? Value)[] settings)
    {
        using var services = Services(hostJson, settings);
        return services.GetRequiredService<IOptions<LimitsOptions>>().Value;
    }

    private ServiceProvider Services(string? hostJson, params (string Key, string? Value)[] settings)
    {
        if (hostJson is not null)
        {
            File.WriteAllText(Path.Combine(_directory.FullName, "host.json"), hostJson);
        }

        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(static setting => KeyValuePair.Create(setting.Key, setting.Value))).Build();
        return new ServiceCollection().AddLogging().AddFunctionsApp(configuration).AddFunctionsHost(configuration, _directory.FullName).BuildServiceProvider();
    }
}
