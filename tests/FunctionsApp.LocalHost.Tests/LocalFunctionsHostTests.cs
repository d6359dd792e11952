using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.LocalHost.Tests;

public sealed class LocalFunctionsHostTests
{
    [Theory]
    [InlineData(null, "data/tasks")]
    [InlineData("elsewhere/tasks", "elsewhere/tasks")]
    [InlineData("/srv/tasks", "/srv/tasks")]
    public async Task Tasks_are_kept_below_the_working_directory_and_not_in_the_build_output(string? setting, string expected)
    {
        string[] args = ["--urls", "http://127.0.0.1:0", .. setting is null ? Array.Empty<string>() : ["--Tasks:Directory", setting]];
        await using var app = LocalFunctionsHost.Build(args);

        Assert.Equal(Path.GetFullPath(expected), app.Services.GetRequiredService<IOptions<TasksOptions>>().Value.Directory);
    }

    [Theory]
    [InlineData("Shop", null, "Shop")]
    [InlineData("Shop", "Mine", "Mine")]
    [InlineData("%HUB%", null, "FunctionsApp")]
    public async Task The_hub_is_that_of_host_json_unless_the_settings_name_another(string inHostJson, string? setting, string expected)
    {
        string[] args =
        [
            "--urls", "http://127.0.0.1:0", "--AzureFunctionsJobHost:extensions:durableTask:hubName", inHostJson,
            .. setting is null ? Array.Empty<string>() : ["--Tasks:HubName", setting],
        ];
        await using var app = LocalFunctionsHost.Build(args);

        Assert.Equal(expected, app.Services.GetRequiredService<IOptions<TasksOptions>>().Value.HubName);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("many")]
    public void A_limit_of_watchers_that_is_not_a_positive_number_is_refused_at_startup(string setting)
    {
        string[] args = ["--urls", "http://127.0.0.1:0", "--Host:MaxWatchers", setting];

        Assert.Contains("MaxWatchers", Record.Exception(() => LocalFunctionsHost.Build(args))?.Message, StringComparison.Ordinal);
    }
}
