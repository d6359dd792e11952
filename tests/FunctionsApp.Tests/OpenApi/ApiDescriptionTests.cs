using System.Reflection;
using System.Text.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using FunctionsApp.OpenApi;
using Microsoft.AspNetCore.Http;
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
        var ids = Operations(Describe()).Select(static operation => operation.GetProperty("operationId").GetString()!).ToList();

        Assert.All(HttpFunction.All, function => Assert.Contains(ids, id => id.StartsWith(function.Name, StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_kind_of_problem_is_described_with_an_example()
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
                response.Value.GetProperty("content").TryGetProperty("application/problem+json", out var content)
                && content.GetProperty("examples").TryGetProperty(slug, out _)
                && response.Value.TryGetProperty("headers", out _) == (problem.RetryAfterSeconds is not null));
        }
    }

    [Theory]
    [InlineData("Await401", "WWW-Authenticate")]
    [InlineData("Await415", "Accept")]
    [InlineData("Await429", "Retry-After")]
    public void The_headers_of_a_problem_are_described(string response, string header) =>
        Assert.True(Describe().GetProperty("components").GetProperty("responses").GetProperty(response).GetProperty("headers").TryGetProperty(header, out _));

    [Fact]
    public void The_type_of_a_problem_is_one_of_those_of_its_endpoint()
    {
        var document = Describe();
        foreach (var operation in Operations(document))
        {
            var responses = operation.GetProperty("responses").EnumerateObject().Select(response => Resolve(document, response.Value))
                .Select(static response => response.TryGetProperty("content", out var content) && content.TryGetProperty("application/problem+json", out var problem) ? problem : default)
                .Where(static problem => problem.ValueKind == JsonValueKind.Object).ToList();
            var slugs = responses.SelectMany(static content => content.GetProperty("examples").EnumerateObject()).Select(static example => "/problems/" + example.Name);

            Assert.All(responses, content => Assert.Equal(
                slugs.Order(StringComparer.Ordinal),
                Resolve(document, content.GetProperty("schema")).GetProperty("properties").GetProperty("type").GetProperty("enum").EnumerateArray().Select(static type => type.GetString()!)));
        }
    }

    [Fact]
    public void Schema_names_are_valid_type_names()
    {
        var document = Describe();

        Assert.All(document.GetProperty("components").GetProperty("schemas").EnumerateObject(), static schema => Assert.Matches("^[A-Z][A-Za-z0-9]*$", schema.Name));
        Assert.All(Operations(document), static operation => Assert.Matches("^[A-Z][A-Za-z0-9]*$", operation.GetProperty("operationId").GetString()));
        Assert.Superset(
            new HashSet<string>(StringComparer.Ordinal) { "MathSquareInput", "MathSquareResponse", "MathSquareMapRequest", "MathSquareMapResponse", "MathSquareTaskRequest", "AcceptedTask" },
            document.GetProperty("components").GetProperty("schemas").EnumerateObject().Select(static schema => schema.Name).ToHashSet(StringComparer.Ordinal));
    }

    [Fact]
    public void A_task_of_a_pattern_names_an_existing_pattern() => Assert.Equal(
        _services.GetRequiredService<TaskPatterns>().Names,
        Describe().GetProperty("components").GetProperty("schemas").GetProperty("PatternTaskRequest").GetProperty("properties").GetProperty("pattern").GetProperty("enum").EnumerateArray().Select(static name => name.GetString()!));

    [Fact]
    public void An_operation_with_the_name_of_another_schema_gets_a_number()
    {
        var services = new ServiceCollection().AddLogging().AddFunctionsApp(new ConfigurationBuilder().Build()).AddOperation<TaskOperation>().AddOperation<TaskMapOperation>();
        using var provider = services.BuildServiceProvider();

        var document = Describe(description: provider.GetRequiredService<ApiDescription>());

        // TaskResponse is the record of a task, and Task2MapRequest could be of both operations.
        var paths = document.GetProperty("paths");
        Assert.Equal("AwaitTask2", paths.GetProperty("/await/task").GetProperty("post").GetProperty("operationId").GetString());
        Assert.Equal("AwaitTaskMap", paths.GetProperty("/await/task.map").GetProperty("post").GetProperty("operationId").GetString());
        Assert.True(document.GetProperty("components").GetProperty("schemas").GetProperty("TaskResponse").GetProperty("properties").TryGetProperty("links", out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_response_with_a_task_is_in_its_place(bool hasOneResponse)
    {
        var accepted = Operations(Describe(hasOneResponse: hasOneResponse))
            .Select(static operation => operation.GetProperty("responses").TryGetProperty("202", out var response) ? response : default)
            .Where(static response => response.ValueKind == JsonValueKind.Object).ToList();

        Assert.NotEmpty(accepted);
        Assert.All(accepted, static response => Assert.True(response.TryGetProperty("content", out _)));
    }

    [Fact]
    public void With_one_response_each_endpoint_has_one_format_and_only_a_callback_may_become_a_task()
    {
        var operations = Operations(Describe(hasOneResponse: true)).ToList();

        Assert.Equal(Operations(Describe()).Select(Id), operations.Select(Id));
        foreach (var operation in operations)
        {
            var successes = operation.GetProperty("responses").EnumerateObject().Where(static response => response.Name[0] == '2' && response.Name != "204").ToList();
            Assert.Equal(Id(operation).StartsWith("Callback", StringComparison.Ordinal) ? ["200", "202"] : [successes[0].Name], successes.Select(static response => response.Name));
            foreach (var content in successes.Select(static response => Assert.Single(response.Value.GetProperty("content").EnumerateObject())))
            {
                var isStream = content.Name is "application/x-ndjson" or "text/event-stream";
                Assert.Equal(isStream, Id(operation).StartsWith("Stream", StringComparison.Ordinal) || Id(operation) is "WatchTask");
                Assert.Equal(isStream, content.Value.GetProperty("schema").TryGetProperty("format", out var format) && format.GetString() is "binary");
            }

            Assert.DoesNotContain("Prefer", operation.TryGetProperty("parameters", out var parameters) ? parameters.ToString() : "", StringComparison.Ordinal);
        }

        static string Id(JsonElement operation) => operation.GetProperty("operationId").GetString()!;
    }

    [Fact]
    public void Each_schema_has_all_that_a_generator_needs()
    {
        foreach (var schema in Schemas(Describe()))
        {
            Assert.False(schema.TryGetProperty("allOf", out _), schema.ToString());
            Assert.False(schema.TryGetProperty("default", out _), schema.ToString());
            Assert.True(!schema.TryGetProperty("enum", out _) || schema.TryGetProperty("type", out _), schema.ToString());
            var types = schema.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(static name => name.GetString()).ToList() : [];
            Assert.True(types.Count == 0 || (types.Count == 2 && types.Contains("null")), schema.ToString());
            Assert.True(!schema.TryGetProperty("type", out type) || type.ValueKind == JsonValueKind.Array || type.GetString() is not "array" || schema.TryGetProperty("items", out _), schema.ToString());
        }
    }

    [Theory]
    [InlineData("", "/")]
    [InlineData("/api", "/api")]
    [InlineData("/base path/\"api\"", "/base%20path/%22api%22")]
    public void The_server_is_the_requested_one(string path, string server) =>
        Assert.Equal(server, Describe(path).GetProperty("servers")[0].GetProperty("url").GetString());

    [Fact]
    public void The_document_is_always_the_same() => Assert.Equal(Send(Create().All, "/api").Headers.ETag, Send(Create().All, "/api").Headers.ETag);

    [Fact]
    public void The_variants_have_different_ETags() => Assert.NotEqual(Send(Create().All, "/api").Headers.ETag, Send(Create().One, "/api").Headers.ETag);

    [Fact]
    public void The_document_has_the_configured_limits()
    {
        var limits = new LimitsOptions { MaxTimeoutSeconds = 7 };

        var timeout = Describe(description: Create(limits)).GetProperty("components").GetProperty("schemas").GetProperty("GatherRequest").GetProperty("properties").GetProperty("timeoutSeconds");

        Assert.Equal(7, timeout.GetProperty("maximum").GetInt32());
    }

    public void Dispose() => _services.Dispose();

    private static IEnumerable<JsonElement> Operations(JsonElement document) =>
        document.GetProperty("paths").EnumerateObject().SelectMany(static path => path.Value.EnumerateObject()).Select(static operation => operation.Value);

    private static JsonElement Resolve(JsonElement document, JsonElement node) => node.TryGetProperty("$ref", out var reference)
        ? reference.GetString()!.Split('/')[1..].Aggregate(document, static (found, name) => found.GetProperty(name))
        : node;

    /// <summary>Every schema of the components, at any depth.</summary>
    private static IEnumerable<JsonElement> Schemas(JsonElement document)
    {
        return document.GetProperty("components").GetProperty("schemas").EnumerateObject().SelectMany(static schema => WithParts(schema.Value));

        static IEnumerable<JsonElement> WithParts(JsonElement schema) =>
        [
            schema,
            .. Parts(schema, "properties").SelectMany(static parts => parts.EnumerateObject()).SelectMany(static part => WithParts(part.Value)),
            .. Parts(schema, "anyOf").SelectMany(static parts => parts.EnumerateArray()).SelectMany(WithParts),
            .. Parts(schema, "items").SelectMany(WithParts),
        ];

        static IEnumerable<JsonElement> Parts(JsonElement schema, string keyword) => schema.TryGetProperty(keyword, out var parts) ? [parts] : [];
    }

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

    private JsonElement Describe(string path = "/api", ApiDescription? description = null, bool hasOneResponse = false)
    {
        description ??= Create();
        return JsonElement.Parse(((MemoryStream)Send(hasOneResponse ? description.One : description.All, path).Body).ToArray());
    }

    private HttpResponse Send(IResult description, string path)
    {
        var context = new DefaultHttpContext { RequestServices = _services };
        context.Request.Path = path + "/openapi.json";
        context.Response.Body = new MemoryStream();
        Assert.True(description.ExecuteAsync(context).IsCompletedSuccessfully);
        return context.Response;
    }

    [Operation("task", "Has the name of a record.")]
    private sealed class TaskOperation : IOperation<Nothing, int>
    {
        public ValueTask<int> RunAsync(Nothing input, CancellationToken cancellationToken) => new(1);
    }

    [Operation("task.map", "Begins like it.")]
    private sealed class TaskMapOperation : IOperation<Nothing, int>
    {
        public ValueTask<int> RunAsync(Nothing input, CancellationToken cancellationToken) => new(1);
    }

    private sealed record Nothing;
}
