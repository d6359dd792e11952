using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Limits;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Limits;

public sealed class LimitsOptionsTests
{
    [Fact]
    public void The_defaults_are_those_of_the_contract()
    {
        using var services = TestServices.Create();

        Assert.Equivalent(
            new LimitsOptions
            {
                MaxRequestBytes = 10_485_760,
                MaxResultBytes = 67_108_864,
                MaxCalls = 10_000,
                MaxItems = 1_000_000,
                MaxDepth = 64,
                MaxTimeoutSeconds = 3_600,
            },
            services.GetRequiredService<IOptions<LimitsOptions>>().Value);
    }

    [Fact]
    public void Settings_replace_the_defaults()
    {
        using var services = TestServices.Create(settings: [("Limits:MaxItems", "3"), ("Cpu:Threads", "5"), ("Cpu:MaxQueuedItems", "7")]);

        Assert.Equal(
            (3, 5, 7, 10_000),
            (services.GetRequiredService<IOptions<LimitsOptions>>().Value.MaxItems,
            services.GetRequiredService<IOptions<CpuOptions>>().Value.Threads,
            services.GetRequiredService<IOptions<CpuOptions>>().Value.MaxQueuedItems,
            services.GetRequiredService<IOptions<LimitsOptions>>().Value.MaxCalls));
    }

    [Theory]
    [InlineData("MaxRequestBytes", "1023")]
    [InlineData("MaxResultBytes", "0")]
    [InlineData("MaxBytesInFlight", "1048575")]
    [InlineData("MaxCalls", "0")]
    [InlineData("MaxItems", "-1")]
    [InlineData("MaxDepth", "513")]
    [InlineData("MaxTimeoutSeconds", "86401")]
    public void A_limit_out_of_range_is_refused_and_named(string name, string value)
    {
        using var services = TestServices.Create(settings: [("Limits:" + name, value)]);

        var failure = Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<IOptions<LimitsOptions>>().Value);

        Assert.Contains(name, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Threads", "0")]
    [InlineData("Threads", "1025")]
    [InlineData("MaxQueuedItems", "0")]
    public void A_CPU_setting_out_of_range_is_refused_and_named(string name, string value)
    {
        using var services = TestServices.Create(settings: [("Cpu:" + name, value)]);

        var failure = Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<IOptions<CpuOptions>>().Value);

        Assert.Contains(name, failure.Message, StringComparison.Ordinal);
    }
}
