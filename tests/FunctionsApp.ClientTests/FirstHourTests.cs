using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>The first hour of a newcomer.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class FirstHourTests(FunctionsAppFixture app)
{
    [ToolsFact]
    public async Task The_Python_program_of_the_readme_runs()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"));
        var program = readme.Split("```python\n")[1].Split("```")[0];
        var address = app.Api.Http.BaseAddress!.GetLeftPart(UriPartial.Authority);
        await using var shell = new Shell(Repository.Root);

        var printed = await shell.RunAsync($"PYTHONPATH=clients/python/src python3 - <<'END'\n{program.Replace(Page.Address, address, StringComparison.Ordinal)}END");

        Assert.Equal("[9, 'done']\n78498\n[0, 1, 4, 9, 16]\n", printed);
    }
}
