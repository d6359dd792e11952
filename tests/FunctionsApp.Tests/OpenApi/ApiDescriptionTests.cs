using System.Reflection;
using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using FunctionsApp.OpenApi;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Tests.OpenApi;

public sealed class ApiDescriptionTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddLogging().AddFunctionsApp(new ConfigurationBuilder().Build()).BuildServiceProvider();

    [Fact]
    public void Every_function_is_described()
    {
        var ids = Describe().GetProperty("paths").EnumerateObject()
            .SelectMany(static path => path.Value.EnumerateObject()).Select(static operation => operation.Value.GetProperty("operationId").GetString()!.Split('.')[0]);

        Assert.Equal(HttpFunction.All.Select(static function => function.Name).Order(), ids.Distinct().Order());
    }

    [Fact]
    public void Every_sort_of_problem_is_described_with_an_example()
    {
        var samples = typeof(Problem).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Where(static method => method.ReturnType == typeof(Problem))
            .Select(static method => (Problem)method.Invoke(null, [.. method.GetParameters().Select(Argument)])!);
        var components = Describe().GetProperty("components");

        foreach (var problem in samples)
        {
            var slug = problem.Type["/problems/".Length..];
            var example = components.GetProperty("examples").GetProperty(slug).GetProperty("value");
            Assert.Equal((problem.Type, problem.Title, problem.Status),
                (example.GetProperty("type").GetString(), example.GetProperty("title").GetString(), example.GetProperty("status").GetInt32()));
            Assert.Contains(components.GetProperty("responses").EnumerateObject(), response =>
                response.Name.Split('.').Contains(slug)
                && response.Value.GetProperty("content").GetProperty("application/problem+json").GetProperty("examples").TryGetProperty(slug, out _)
                && response.Value.TryGetProperty("headers", out _) == (problem.RetryAfterSeconds is not null));
        }
    }

    [Theory]
    [InlineData("/api")]
    [InlineData("/base path/\"api\"")]
    public void The_server_is_the_one_that_is_asked_for(string server) =>
        Assert.Equal(server, Describe(server).GetProperty("servers")[0].GetProperty("url").GetString());

    [Fact]
    public void It_is_the_same_whenever_it_is_made() => Assert.Equal(Create().Tag, Create().Tag);

    [Fact]
    public void It_shows_the_limits_that_are_configured()
    {
        var limits = new LimitsOptions { MaxTimeoutSeconds = 7 };

        var timeout = Describe(description: Create(limits)).GetProperty("components").GetProperty("schemas").GetProperty("GatherRequest").GetProperty("properties").GetProperty("timeoutSeconds");

        Assert.Equal(7, timeout.GetProperty("maximum").GetInt32());
    }

    public void Dispose() => _services.Dispose();

    private static object? Argument(ParameterInfo parameter) => parameter.ParameterType switch
    {
        var type when type == typeof(string) => "text",
        var type when type == typeof(IReadOnlyList<string>) => Array.Empty<string>(),
        var type when type == typeof(IReadOnlyDictionary<string, string[]>) => new Dictionary<string, string[]>(StringComparer.Ordinal) { [""] = ["text"] },
        _ when parameter.HasDefaultValue => parameter.DefaultValue,
        var type => Activator.CreateInstance(type),
    };

    private ApiDescription Create(LimitsOptions? limits = null) =>
        new(_services.GetRequiredService<OperationCatalog>(), _services.GetRequiredService<TaskPatterns>(), Options.Create(limits ?? new LimitsOptions()));

    private JsonElement Describe(string server = "/api", ApiDescription? description = null) =>
        JsonElement.Parse(string.Concat((description ?? Create()).Pieces(server).Select(static piece => Encoding.UTF8.GetString(piece.Span))));
}
