using FunctionsApp.IntegrationTests.Hosting;

[assembly: CollectionBehavior(MaxParallelThreads = 3)]

namespace FunctionsApp.IntegrationTests;

/// <summary>The Python client has tests of its own, which start a host unless <c>FUNCTIONS_BASE_URL</c> names one.</summary>
public sealed class PythonTests
{
    // .ci/run installs mypy and venv, without which some tests of the Python client are skipped.
    private static bool MustRunAll { get; } =
        FunctionsAppFixture.ExternalBaseUrl is null && OperatingSystem.IsLinux() && Environment.GetEnvironmentVariable("CI") is not null;

    [ToolsFact]
    public async Task The_tests_of_the_Python_client_pass()
    {
        var (exitCode, printed, error) = await ClientTests.RunAsync("python3", "-m", "unittest", "discover", "-s", "clients/python/tests");

        Assert.True(exitCode == 0, printed + error);
        Assert.False(MustRunAll && error.Contains("skipped", StringComparison.Ordinal), error);
        Assert.Matches("Ran [1-9][0-9]+ tests", error);
    }
}
