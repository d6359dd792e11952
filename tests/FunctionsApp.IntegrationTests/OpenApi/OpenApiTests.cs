using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Outbound;
using Microsoft.OpenApi;

namespace FunctionsApp.IntegrationTests.OpenApi;

/// <summary>The OpenAPI document tells the truth: what it shows works, and what is answered is as it says.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed partial class OpenApiTests(FunctionsAppFixture app, UpstreamFixture upstream)
{
    /// <summary>The address that the examples call.</summary>
    private const string Elsewhere = "https://example.com/";

    /// <summary>The app: one that may call a server of the tests, if they may choose.</summary>
    private Api Api => IsOwn ? upstream.Api : app.Api;

    private static bool IsOwn => FunctionsAppFixture.ExternalBaseUrl is null;

    [Theory]
    [InlineData("")]
    [InlineData("?responses=one")]
    public async Task The_document_is_valid(string query)
    {
        var document = await ApiDocument.GetAsync(Api, query);

        var (read, diagnostic) = OpenApiDocument.Parse(document.Text, "json");

        Assert.Empty(diagnostic!.Errors);
        Assert.Empty(diagnostic.Warnings);
        Assert.Equal(OpenApiSpecVersion.OpenApi3_1, diagnostic.SpecificationVersion);
        Assert.Equal(document.Operations.Count, read!.Paths.Sum(static path => path.Value.Operations!.Count));
    }

    [NodeFact(IsOfApp = true)]
    public async Task A_linter_finds_no_errors()
    {
        var document = await ApiDocument.GetAsync(Api);
        var withOneResponse = await ApiDocument.GetAsync(Api, "?responses=one");

        await WithFilesAsync([document.Text, withOneResponse.Text], static files =>
            NodeTools.RunAsync(Path.Combine("node_modules", "@redocly", "cli", "bin", "cli.js"), "lint", "--config", "redocly.yaml", files[0], files[1]));
    }

    [Fact]
    public async Task An_unknown_variant_is_an_error()
    {
        var response = await Api.GetAsync("openapi.json?responses=two");

        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.Status);
        Assert.Equal(["/responses"], response.ValidationErrors);
    }

    [Fact]
    public async Task The_server_URL_is_the_requested_path()
    {
        var document = await ApiDocument.GetAsync(Api);

        Assert.Equal("/api", Assert.Single(document.Root["servers"]!.AsArray())!["url"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_client_with_the_ETag_gets_304()
    {
        using var first = await Api.Http.GetAsync(new Uri("openapi.json", UriKind.Relative));
        using var request = new HttpRequestMessage(HttpMethod.Get, "openapi.json");
        request.Headers.IfNoneMatch.Add(first.Headers.ETag!);

        using var second = await Api.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        Assert.Empty(await second.Content.ReadAsByteArrayAsync());
    }

    [OwnHostFact]
    public async Task The_document_has_exactly_the_functions_of_the_host()
    {
        var document = await ApiDocument.GetAsync(app.Api);

        // As the host lists them, but for HEAD, which goes without saying; and where a route names an operation, the document may do so in its place.
        var functions = FunctionLine().Matches(app.Host.Functions).SelectMany(static line =>
            line.Groups["methods"].Value.ToLowerInvariant().Split(',').Where(static method => method != "head").Select(method => (Name: line.Groups["name"].Value, Method: method, Path: line.Groups["path"].Value))).ToList();
        Assert.NotEmpty(functions);
        Assert.All(document.Operations, operation => Assert.Contains(functions, function =>
            operation.Id.StartsWith(function.Name, StringComparison.Ordinal) && function.Method == operation.Method && IsOf(operation.Path, function.Path)));
        Assert.All(functions, function => Assert.Contains(document.Operations, operation =>
            operation.Id.StartsWith(function.Name, StringComparison.Ordinal) && function.Method == operation.Method && IsOf(operation.Path, function.Path)));

        static bool IsOf(string path, string route) =>
            path == route || Regex.IsMatch(path, $"^{Regex.Escape(route).Replace(@"\{operation}", "[A-Za-z0-9.]+", StringComparison.Ordinal)}$", RegexOptions.None, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Every_operation_of_the_catalog_has_a_path_under_each_pattern_that_runs_it_alone()
    {
        var document = await ApiDocument.GetAsync(Api);
        var operations = (await Api.GetAsync("operations"))["operations"].EnumerateArray();

        string[] expected = [.. operations.SelectMany(static operation => (operation.GetProperty("kind").GetString() switch
        {
            "io" => new[] { "await", "tasks" },
            "cpu" => ["await", "tasks", "map"],
            _ => ["stream"],
        }).Select(pattern => $"/{pattern}/{operation.GetProperty("name").GetString()}"))];

        Assert.Empty(expected.Except(document.Operations.Select(static operation => operation.Path)));
    }

    [Fact]
    public async Task Operation_ids_are_unique()
    {
        var document = await ApiDocument.GetAsync(Api);

        Assert.Distinct(document.Operations.Select(static operation => operation.Id));
    }

    [Fact]
    public async Task The_list_of_tasks_needs_the_master_key_health_and_page_none_and_all_others_a_function_key()
    {
        var document = await ApiDocument.GetAsync(Api);

        Assert.Equal(["functionKey", "functionKeyInQuery"], Schemes(document.Root["security"]));
        Assert.All(document.Operations, static operation => Assert.Equal(
            operation.Id switch { "ListTasks" => ["masterKey", "masterKeyInQuery"], "HealthLive" or "HealthReady" or "Playground" => [], _ => null },
            operation.Node["security"] is { } security ? Schemes(security) : null));

        static string[] Schemes(JsonNode? security) => [.. security!.AsArray().Select(static requirement => requirement!.AsObject().Single().Key)];
    }

    [Fact]
    public async Task Every_example_works()
    {
        var document = await ApiDocument.GetAsync(Api);
        var responses = await AskAllAsync(document);

        Assert.All(responses, static response => Assert.True(
            response.Status is HttpStatusCode.OK or HttpStatusCode.Accepted || MayFail(response.Operation),
            $"{response.Operation} answers {response.Status}: {response.Text}"));
        Assert.Equal(document.Operations, responses.Select(static response => response.Operation).Distinct());
    }

    [NodeFact]
    public async Task Every_response_matches_its_schema()
    {
        var document = await ApiDocument.GetAsync(Api);

        await ValidateAsync(document, [.. (await AskAllAsync(document)).SelectMany(static response => response.Checks)]);
    }

    [NodeFact(IsOfApp = true)]
    public async Task Every_problem_matches_its_schema()
    {
        var document = await ApiDocument.GetAsync(Api);
        var checks = new List<ResponseCheck>();
        foreach (var (path, body) in new[]
        {
            ("/await/delay", """{"seconds":"x"}"""), ("/await/delay", """{"seconds":1"""), ("/sequence", """{"steps":[{"operation":"echo","input":{"value":1}},{"operation":"fail","input":{"message":"no"}}]}"""),
            ("/gather", """{"calls":[{"operation":"ehco"}]}"""), ("/gather", """{"calls":[{"id":"a","operation":"greet"}]}"""), ("/map/math.square", """{"items":[1,"two"]}"""),
            ("/stream/count", """{"count":-1}"""), ("/tasks/echo", """{"onSuccess":{"url":"nowhere"}}"""),
        })
        {
            var operation = document.Operations.Single(operation => operation.Path == path && operation.Method == "post");
            checks.AddRange((await AskAsync(operation, path[1..], body, accept: null)).Checks);
        }

        await ValidateAsync(document, checks);
    }

    [Fact]
    public async Task A_value_outside_of_a_documented_range_is_refused()
    {
        var document = await ApiDocument.GetAsync(Api);
        var tried = 0;
        foreach (var operation in document.Operations.Where(static operation => operation.Tag is not "tasks" || !operation.Id.StartsWith("CreateTask", StringComparison.Ordinal)))
        {
            foreach (var (name, value) in operation.BodySchema is { } schema ? Outside(schema["properties"]!.AsObject()) : [])
            {
                var body = operation.Example!.DeepClone();
                body[name] = JsonNode.Parse(value);
                await RefusedAsync(operation, operation.PathFor(""), body.ToJsonString(), "application/json", name, value);
            }

            foreach (var parameter in operation.Parameters.Where(static parameter => parameter["in"]!.GetValue<string>() == "query"))
            {
                var name = parameter["name"]!.GetValue<string>();
                foreach (var value in Outside(parameter["schema"]!))
                {
                    await RefusedAsync(operation, $"{operation.PathFor("")}?{name}={value}", operation.Tag == "map" ? "1\n" : operation.Example?.ToJsonString(),
                        operation.Tag == "map" ? "application/x-ndjson" : "application/json", name, value);
                }
            }
        }

        Assert.True(tried > 100, $"Only {tried} values were tried.");

        async Task RefusedAsync(ApiOperation operation, string path, string? body, string contentType, string name, string value)
        {
            tried++;
            var response = await ApiResponse.ReadAsync(body is null
                ? await Api.Http.GetAsync(new Uri(path, UriKind.Relative))
                : await Api.SendAsync(path, body, contentType));
            Assert.True(response.Status == HttpStatusCode.UnprocessableEntity, $"{operation} takes {value} for {name}.");
            Assert.Contains("/" + name, response.ValidationErrors);
        }
    }

    /// <summary>Values just outside of the ranges of several properties.</summary>
    private static IEnumerable<(string Name, string Value)> Outside(JsonObject properties) =>
        properties.SelectMany(static property => Outside(property.Value!).Select(value => (property.Key, value)));

    private static IEnumerable<string> Outside(JsonNode schema)
    {
        if (Bound("minimum") is { } minimum)
        {
            yield return Text(minimum - 1);
        }

        if (Bound("exclusiveMinimum") is { } excluded)
        {
            yield return Text(excluded);
        }

        if (Bound("maximum") is { } maximum)
        {
            yield return Text(maximum + 1);
        }

        decimal? Bound(string keyword) => schema[keyword] is { } bound ? decimal.Parse(bound.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture) : null;

        static string Text(decimal value) => value.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>What fails fails as it should; and what calls others may, where nothing answers for them.</summary>
    private static bool MayFail(ApiOperation operation) =>
        operation.Id is "AwaitFail" or "MapFail" or "Redeliver" || (!IsOwn && operation.Id is "AwaitHttpRequest" or "MapHttpRequest" or "StreamHttpLines");

    /// <summary>Asks every operation for what the document shows, in every media type that it answers in.</summary>
    private async Task<List<Asked>> AskAllAsync(ApiDocument document)
    {
        var finished = await CreateTaskAsync("echo", """{"input":{"value":1}}""");
        await Api.EndAsync(finished);
        var responses = new List<Asked>();
        foreach (var operation in document.Operations)
        {
            var path = operation.PathFor(operation.Id == "CancelTask" ? await CreateTaskAsync("delay", """{"input":{"seconds":60}}""") : finished);
            foreach (var mediaType in operation.MediaTypes)
            {
                responses.Add(await AskAsync(operation, path, Reachable(operation.Example?.ToJsonString()), mediaType));
            }
        }

        return responses;
    }

    private string? Reachable(string? example) => IsOwn ? example?.Replace(Elsewhere, upstream.Url("/echo"), StringComparison.Ordinal) : example;

    private async Task<string> CreateTaskAsync(string operation, string body) => (await Api.PostAsync($"tasks/{operation}", body))["id"].GetString()!;

    private async Task<Asked> AskAsync(ApiOperation operation, string path, string? body, string? accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Parse(operation.Method), path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        if (accept is not null)
        {
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
        }

        using var response = await Api.Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var mediaType = response.Content.Headers.ContentType!.MediaType!;
        var pointer = operation.SchemaOf(response.StatusCode, mediaType);
        Assert.True(pointer is not null, $"{operation} answers {response.StatusCode} as {mediaType}, and the document does not say so: {text}");
        var values = mediaType switch
        {
            "application/x-ndjson" => text.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            "text/event-stream" => text.Split('\n').Where(static line => line.StartsWith("data: ", StringComparison.Ordinal)).Select(static line => line["data: ".Length..]),
            // A page is a string, and only that.
            "text/html" => [JsonSerializer.Serialize(text)],
            _ => [text],
        };
        return new Asked(operation, response.StatusCode, text, [.. values.Select(value => new ResponseCheck(pointer, JsonElement.Parse(value), $"{operation}, {mediaType}"))]);
    }

    private static Task ValidateAsync(ApiDocument document, IReadOnlyCollection<ResponseCheck> checks) => WithFilesAsync(
        [document.Text, JsonSerializer.Serialize(checks, JsonSerializerOptions.Web)], static files => NodeTools.RunAsync(["validate.mjs", .. files]));

    private static async Task WithFilesAsync(string[] texts, Func<string[], Task> use)
    {
        var folder = Directory.CreateTempSubdirectory("functions-openapi-");
        try
        {
            string[] files = [.. texts.Select((_, index) => Path.Combine(folder.FullName, string.Create(CultureInfo.InvariantCulture, $"{index}.json")))];
            foreach (var (file, text) in files.Zip(texts))
            {
                await File.WriteAllTextAsync(file, text);
            }

            await use(files);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [GeneratedRegex("^ *(?<name>\\w+): \\[(?<methods>[A-Z,]+)\\] http://[^/]+/api(?<path>\\S+)\\r?$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1_000)]
    private static partial Regex FunctionLine();

    private sealed record Asked(ApiOperation Operation, HttpStatusCode Status, string Text, IReadOnlyList<ResponseCheck> Checks);
}
