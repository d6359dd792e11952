using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Webhooks;

public sealed class WebhookOptionsTests
{
    private const string Current = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Former = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

    [Fact]
    public void The_defaults_are_those_of_the_contract()
    {
        var options = Read();

        Assert.Empty(options.SigningKeys);
        Assert.Equal([0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400], options.Schedule);
        Assert.Equal(15, options.TimeoutSeconds);
    }

    [Fact]
    public void Settings_replace_the_defaults()
    {
        var options = Read(
            ("Callbacks:SigningKeys:0", Current), ("Callbacks:SigningKeys:1", Former),
            ("Callbacks:RetryScheduleSeconds:0", "0"), ("Callbacks:RetryScheduleSeconds:1", "0.5"), ("Callbacks:TimeoutSeconds", "2.5"));

        Assert.Equal([Current, Former], options.SigningKeys);
        Assert.Equal([0, 0.5], options.Schedule);
        Assert.Equal(2.5, options.TimeoutSeconds);
    }

    [Fact]
    public void An_invalid_key_is_reported_only_by_its_index()
    {
        var message = Refused(("Callbacks:SigningKeys:0", Current), ("Callbacks:SigningKeys:1", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZI"));

        Assert.Contains("Callbacks:SigningKeys:1 has 18 bytes, not 24 to 64.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("MfKQ9r8", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RetryScheduleSeconds:0", "RetryScheduleSeconds has -1,", "-1")]
    [InlineData("RetryScheduleSeconds:0", "RetryScheduleSeconds has 604801,", "604801")]
    [InlineData("RetryScheduleSeconds:0", "RetryScheduleSeconds has NaN,", "NaN")]
    [InlineData("RetryScheduleSeconds:0", "RetryScheduleSeconds has Infinity,", "Infinity")]
    [InlineData("TimeoutSeconds", "TimeoutSeconds", "0")]
    [InlineData("TimeoutSeconds", "TimeoutSeconds", "60.1")]
    [InlineData("TimeoutSeconds", "TimeoutSeconds", "NaN")]
    public void A_number_out_of_range_is_refused_and_named(string setting, string part, string value) =>
        Assert.Contains(part, Refused(("Callbacks:" + setting, value)), StringComparison.Ordinal);

    [Fact]
    public void A_schedule_has_1_to_50_attempts()
    {
        static (string, string)[] Schedule(int count) =>
            [.. Enumerable.Range(0, count).Select(static index => ($"Callbacks:RetryScheduleSeconds:{index}", "604800"))];

        Assert.Equal(50, Read(Schedule(50)).Schedule.Count);
        Assert.Contains("Callbacks:RetryScheduleSeconds has 51 entries, not 1 to 50.", Refused(Schedule(51)), StringComparison.Ordinal);
        Assert.Contains("has 0 entries", Assert.Single(new WebhookOptions { RetryScheduleSeconds = [] }.Validate(new(new object()))).ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void The_options_do_not_print_their_keys() =>
        Assert.DoesNotContain(Current, Read(("Callbacks:SigningKeys:0", Current)).ToString(), StringComparison.Ordinal);

    private static string Refused(params (string Key, string Value)[] settings) => Assert.Throws<OptionsValidationException>(() => Read(settings)).Message;

    private static WebhookOptions Read(params (string Key, string Value)[] settings)
    {
        using var services = TestServices.Create(settings: settings);
        return services.GetRequiredService<IOptions<WebhookOptions>>().Value;
    }
}
