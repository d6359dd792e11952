using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Settings;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Settings;

public sealed class SettingsSectionTests
{
    [Theory]
    [InlineData("Size", "abc", "Own:Size is 'abc': it must be a whole number from 1 to 9.")]
    [InlineData("Size", "0", "Own:Size is '0': it must be a whole number from 1 to 9.")]
    [InlineData("Share", "1,5", "Own:Share is '1,5': it must be a number from 0.5 to 2.")]
    [InlineData("Share", "NaN", "Own:Share is 'NaN': it must be a number from 0.5 to 2.")]
    [InlineData("IsOn", "yes", "Own:IsOn is 'yes': it must be true or false.")]
    [InlineData("Mode", "third", "Own:Mode is 'third': it must be 'first' or 'second'.")]
    [InlineData("Name", "", "Own:Name is '': it must not be empty.")]
    [InlineData("Code", "x", "Own:Code is 'x': it must be two letters.")]
    [InlineData("Pause", "x", "Own:Pause is 'x': it must be a time such as 00:00:30.")]
    [InlineData("Sum", "3", "Own:Sum is not even.")]
    [InlineData("ApiKey", "hunter2", "Own:ApiKey is invalid: it must satisfy MinLength.")]
    [InlineData("Day", "Someday", "Own:Day is 'Someday': it must be 'Local' or 'Utc'.")]
    [InlineData("Ports", "80", "Own:Ports is a list: set Own:Ports:0.")]
    public void An_error_names_the_setting_and_its_value_unless_that_is_a_secret(string setting, string value, string expected)
    {
        using var services = Create(("Own:" + setting, value));

        var failure = Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<IOptions<OwnOptions>>().Value);

        Assert.Equal([expected], failure.Failures);
    }

    [Fact]
    public void Valid_settings_are_bound_whatever_their_case()
    {
        using var services = Create(("own:SIZE", " 9 "), ("Own:Ports:0", "80"), ("Own:IsOn", "TRUE"), ("Own:ApiKey", "hunter2hunter2"));

        var options = services.GetRequiredService<IOptions<OwnOptions>>().Value;

        Assert.Equal((9, 80, true, "hunter2hunter2"), (options.Size, Assert.Single(options.Ports), options.IsOn, options.ApiKey));
    }

    [Fact]
    public void Names_that_the_options_do_not_have_are_unknown()
    {
        using var services = Create(("Own:Sise", "3"), ("own:size", "3"), ("Own:Ports:0", "3"), ("Own:Nothing:Like:It", "3"), ("Own:Internal", "3"), ("Other:Sise", "3"), ("Owm:Size", "3"));

        var unknown = UnknownSettings.Find(services.GetRequiredService<IConfiguration>(), [.. services.GetServices<ISettingNames>()]);

        Assert.Equal([("Own:Internal", null), ("Own:Nothing", null), ("Own:Sise", "Own:Size")], unknown.Order());
    }

    [Fact]
    public void A_mistake_that_two_report_is_one()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("Own:Sise", (string?)"3")]).Build();
        var section = new SettingsSection("Own", typeof(OwnOptions));

        Assert.Equal([("Own:Sise", "Own:Size")], UnknownSettings.Find(configuration, [section, section]));
    }

    [Fact]
    public void The_service_layer_knows_the_names_of_its_options()
    {
        using var services = TestServices.Create();

        var names = services.GetServices<ISettingNames>().SelectMany(static section => section.Names).ToArray();

        Assert.Superset(
            new HashSet<string>
            {
                $"Limits:{nameof(LimitsOptions.MaxCalls)}", $"Cpu:{nameof(CpuOptions.Threads)}", $"Outbound:{nameof(OutboundOptions.AllowedHosts)}",
                $"Callbacks:{nameof(WebhookOptions.SigningKeys)}", $"Tasks:{nameof(TasksOptions.Directory)}",
            },
            names.ToHashSet());
        Assert.DoesNotContain("Outbound:OwnHost", names);
    }

    private static ServiceProvider Create(params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(static setting => KeyValuePair.Create(setting.Key, (string?)setting.Value))).Build();
        var services = new ServiceCollection().AddSingleton<IConfiguration>(configuration);
        services.AddSettings<OwnOptions>(configuration, "Own", static (section, own) => section.Bind(own));
        return services.BuildServiceProvider();
    }

    internal enum Zone
    {
        Local,
        Utc,
    }

    internal sealed class OwnOptions : IValidatableObject
    {
        [Range(1, 9)]
        public int Size { get; set; } = 3;

        [Range(0.5, 2)]
        public double Share { get; set; } = 1;

        public bool IsOn { get; set; }

        [AllowedValues("first", "second")]
        public string Mode { get; set; } = "first";

        public IReadOnlyList<int> Ports { get; set; } = [];

        [Required]
        public string Name { get; set; } = "name";

        [RegularExpression("[a-z]{2}", ErrorMessage = "must be two letters")]
        public string Code { get; set; } = "ab";

        public TimeSpan Pause { get; set; }

        public Zone Day { get; set; }

        public long? Sum { get; set; }

        [MinLength(10)]
        public string? ApiKey { get; set; }

        internal string? Internal { get; set; }

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
            Sum is { } sum && sum % 2 != 0 ? [new ValidationResult("Own:Sum is not even.")] : [];
    }
}
