using FunctionsApp.Core.Outbound;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Outbound;

public sealed class OutboundOptionsTests
{
    [Fact]
    public void The_defaults_are_strict()
    {
        var options = Read();

        Assert.Empty(options.AllowedHosts);
        Assert.Empty(options.AllowedPorts);
        Assert.Equal((10_485_760, 10d, null), (options.MaxResponseBytes, options.ConnectTimeoutSeconds, options.OwnHost));
    }

    [Fact]
    public void Settings_replace_the_defaults()
    {
        var options = Read(
            ("Outbound:AllowedHosts:0", "db.internal:5000"), ("Outbound:AllowedHosts:1", "10.0.0.0/8"), ("Outbound:AllowedPorts:0", "443"),
            ("Outbound:MaxResponseBytes", "2048"), ("Outbound:ConnectTimeoutSeconds", "0.5"), ("WEBSITE_HOSTNAME", "app.example.com"));

        Assert.Equal(["db.internal:5000", "10.0.0.0/8"], options.AllowedHosts);
        Assert.Equal([443], options.AllowedPorts);
        Assert.Equal((2_048, 0.5, "app.example.com"), (options.MaxResponseBytes, options.ConnectTimeoutSeconds, options.OwnHost));
    }

    [Theory]
    [InlineData("")]
    [InlineData("http://db.internal/")]
    [InlineData("db.internal/path")]
    [InlineData("*.internal")]
    [InlineData("*")]
    [InlineData("db.internal:")]
    [InlineData("db.internal:0")]
    [InlineData("db.internal:65536")]
    [InlineData("db.internal:http")]
    [InlineData("user@db.internal")]
    [InlineData("two hosts")]
    [InlineData("xn--ä.internal")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10/8")]
    [InlineData("10")]
    [InlineData("1.2.3")]
    [InlineData("300.1.1.1")]
    [InlineData("fd00::/129")]
    [InlineData("[fd00::1")]
    [InlineData("[fd00::1]8080")]
    [InlineData("[10.0.0.1]:80")]
    public void An_invalid_host_is_refused_and_quoted(string host)
    {
        var failure = Assert.Throws<OptionsValidationException>(() => Read(("Outbound:AllowedHosts:0", "10.0.0.0/8"), ("Outbound:AllowedHosts:1", host)));

        Assert.Contains($"Outbound:AllowedHosts has '{host}'", failure.Message, StringComparison.Ordinal);
        failure = Assert.Throws<OptionsValidationException>(() => Read(("Outbound:OwnHosts:0", host)));
        Assert.Contains($"Outbound:OwnHosts has '{host}'", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AllowedPorts:0", "0")]
    [InlineData("AllowedPorts:0", "65536")]
    [InlineData("MaxResponseBytes", "1023")]
    [InlineData("ConnectTimeoutSeconds", "0")]
    [InlineData("ConnectTimeoutSeconds", "301")]
    public void A_setting_out_of_range_is_refused_and_named(string name, string value)
    {
        var failure = Assert.Throws<OptionsValidationException>(() => Read(("Outbound:" + name, value)));

        Assert.Contains(name.Split(':')[0], failure.Message, StringComparison.Ordinal);
    }

    private static OutboundOptions Read(params (string Key, string Value)[] settings)
    {
        using var services = TestServices.Create(settings: settings);
        return services.GetRequiredService<IOptions<OutboundOptions>>().Value;
    }
}
