using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.OpenApi;

/// <summary>The OpenAPI document of an app, as one that only has its text reads it.</summary>
public sealed class ApiDocument
{
    private ApiDocument(string text)
    {
        Text = text;
        Root = JsonNode.Parse(text)!;
        Operations =
        [
            .. from path in Root["paths"]!.AsObject()
               from method in path.Value!.AsObject()
               select new ApiOperation(this, method.Key, path.Key, method.Value!.AsObject()),
        ];
    }

    public string Text { get; }

    public JsonNode Root { get; }

    public IReadOnlyList<ApiOperation> Operations { get; }

    public static async Task<ApiDocument> GetAsync(Api api, string query = "")
    {
        using var response = await api.Http.GetAsync(new Uri("openapi.json" + query, UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        return new ApiDocument(await response.Content.ReadAsStringAsync());
    }

    /// <summary>What a JSON pointer leads to; null when that is nowhere.</summary>
    public JsonNode? Find(string pointer) => pointer.Split('/').Skip(1).Aggregate((JsonNode?)Root, static (node, token) => node switch
    {
        JsonArray array => array[int.Parse(token, CultureInfo.InvariantCulture)],
        _ => node?[token.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)],
    });

    /// <summary>A JSON pointer to the same thing with no reference to it.</summary>
    public string Resolve(string pointer) => Find(pointer)?["$ref"] is { } reference ? Resolve(reference.GetValue<string>()[1..]) : pointer;

    /// <summary>A token of a JSON pointer.</summary>
    public static string Escape(string token) => token.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}

/// <summary>An operation of the document.</summary>
public sealed record ApiOperation(ApiDocument Document, string Method, string Path, JsonObject Node)
{
    public string Id => Node["operationId"]!.GetValue<string>();

    public string Tag => Node["tags"]![0]!.GetValue<string>();

    /// <summary>The body that the document shows; null when there is none.</summary>
    public JsonNode? Example => Node["requestBody"]?["content"]?["application/json"]?["example"];

    /// <summary>The media types of the answer that it gives when all goes well.</summary>
    public IEnumerable<string> MediaTypes => new[] { "200", "202" }.Select(status => Document.Find(Document.Resolve($"{Pointer}/responses/{status}")))
        .OfType<JsonObject>().First()["content"]!.AsObject().Select(static content => content.Key);

    public IEnumerable<JsonNode> Parameters =>
        Enumerable.Range(0, Node["parameters"]?.AsArray().Count ?? 0).Select(index => Document.Find(Document.Resolve($"{Pointer}/parameters/{index}"))!);

    /// <summary>The record that its JSON body is read from; null when there is none.</summary>
    public JsonNode? BodySchema => Document.Find(Document.Resolve($"{Pointer}/requestBody/content/application~1json/schema"));

    private string Pointer => $"/paths/{ApiDocument.Escape(Path)}/{Method}";

    /// <summary>A JSON pointer to the schema of an answer; null when the document does not know of such an answer.</summary>
    public string? SchemaOf(HttpStatusCode status, string mediaType)
    {
        var response = Document.Resolve(string.Create(CultureInfo.InvariantCulture, $"{Pointer}/responses/{(int)status}"));
        var pointer = $"{response}/content/{ApiDocument.Escape(mediaType)}/schema";
        return Document.Find(pointer) is null ? null : pointer;
    }

    /// <summary>The path with what the document shows for its parameters.</summary>
    /// <param name="task">The id of a task.</param>
    public string PathFor(string task) => Parameters.Where(static parameter => parameter["in"]!.GetValue<string>() == "path").Aggregate(
        Path[1..], (path, parameter) => path.Replace(
            $"{{{parameter["name"]}}}", parameter["schema"]!["examples"]?[0]?.GetValue<string>() ?? task, StringComparison.Ordinal));

    public override string ToString() => Id;
}

/// <summary>An answer, and where the document says what it is like.</summary>
/// <param name="Pointer">A JSON pointer to a schema.</param>
/// <param name="Value">What was answered: all of it, a line, or the data of an event.</param>
/// <param name="What">Tells it from the others.</param>
public sealed record ResponseCheck(string Pointer, JsonElement Value, string What);
