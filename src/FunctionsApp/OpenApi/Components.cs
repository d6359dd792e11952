using System.Globalization;
using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using Microsoft.OpenApi;
using Microsoft.OpenApi.Reader;

namespace FunctionsApp.OpenApi;

/// <summary>Creates the parts of a document, and stores shared parts among its components.</summary>
/// <param name="document">The document.</param>
/// <param name="schemas">The schemas of its endpoints.</param>
internal sealed class Components(OpenApiDocument document, Schemas schemas)
{
    private readonly HashSet<string> _kept = new(StringComparer.Ordinal);

    /// <summary>Creates a body in each of its formats.</summary>
    public Dictionary<string, OpenApiMediaType> Contents(IEnumerable<Content> contents) => contents.ToDictionary(
        static content => content.MediaType,
        content => new OpenApiMediaType { Schema = Schema(content.Schema), Example = content.Example },
        StringComparer.Ordinal);

    /// <summary>A parameter of the route.</summary>
    /// <param name="name">Its name.</param>
    public IOpenApiParameter InRoute(string name) => Of(name, ParameterLocation.Path, Parameters.InRoute(name));

    /// <summary>Creates a parameter that is not in the route.</summary>
    public IOpenApiParameter Of(Parameter parameter)
    {
        if (_kept.Add("parameter " + parameter.Key))
        {
            document.AddComponent<IOpenApiParameter>(parameter.Key, Of(parameter.Name, parameter.IsHeader ? ParameterLocation.Header : ParameterLocation.Query, parameter.Schema(schemas)));
        }

        return new OpenApiParameterReference(parameter.Key, document);
    }

    /// <summary>Returns 202 with a task.</summary>
    public IOpenApiResponse Accepted()
    {
        const string Key = "AcceptedTask";
        if (_kept.Add("response " + Key))
        {
            document.AddComponent<IOpenApiResponse>(Key, new OpenApiResponse
            {
                Description = "The accepted task.",
                Headers = new Dictionary<string, IOpenApiHeader>(StringComparer.Ordinal)
                {
                    ["Location"] = Header("The path of the task.", JsonSchemaType.String),
                    ["Preference-Applied"] = Header("The applied preferences.", JsonSchemaType.String),
                },
                Content = Contents([new Content("application/json", schemas.AcceptedTask)]),
            });
        }

        return new OpenApiResponseReference(Key, document);
    }

    /// <summary>Creates a response for each status of the problems of an endpoint.</summary>
    /// <param name="endpoint">The endpoint's name.</param>
    /// <param name="problems">Its problems. All of its responses have one type for them, so that a client needs one clause to catch them.</param>
    public IEnumerable<(string Status, IOpenApiResponse Response)> Of(string endpoint, IReadOnlyList<Problem> problems)
    {
        foreach (var group in problems.Distinct().GroupBy(static problem => problem.Status).OrderBy(static group => group.Key))
        {
            var status = group.Key.ToString(CultureInfo.InvariantCulture);
            if (_kept.Add($"response {endpoint}{status}"))
            {
                document.AddComponent<IOpenApiResponse>(endpoint + status, Response([.. group], schemas.ProblemOf(endpoint + "Problem", problems)));
            }

            yield return (status, new OpenApiResponseReference(endpoint + status, document));
        }
    }

    /// <summary>Converts a schema to the framework's type; both have the same JSON.</summary>
    public IOpenApiSchema Schema(JsonNode schema)
    {
        if (schema["$ref"] is { } reference)
        {
            return new OpenApiSchemaReference(reference.GetValue<string>()[Schemas.Prefix.Length..], document);
        }

        ForGenerators(schema);
        var read = new OpenApiJsonReader().ReadFragment<OpenApiSchema>(schema, OpenApiSpecVersion.OpenApi3_1, document, out var diagnostic);
        return read is not null && diagnostic.Errors.Count == 0
            ? read
            : throw new InvalidOperationException($"{schema.ToJsonString()} is not read: {string.Join("; ", diagnostic.Errors)}");
    }

    /// <summary>
    /// Says the same so that generators make good types of it: <c>true</c>, which the model lacks, is the empty schema; an array has
    /// items; and a default is in the description, as some generators demand whatever has a default.
    /// </summary>
    private static void ForGenerators(JsonNode? schema)
    {
        if (schema is not JsonObject keywords)
        {
            return;
        }

        if (keywords["properties"] is JsonObject properties)
        {
            foreach (var (name, property) in properties.ToList())
            {
                Complete(properties, name, property);
            }
        }

        foreach (var choice in keywords["anyOf"]?.AsArray() ?? [])
        {
            ForGenerators(choice);
        }

        if (keywords["type"] is JsonValue type && type.GetValue<string>() is "array")
        {
            keywords.TryAdd("items", new JsonObject());
        }

        Complete(keywords, "items", keywords["items"]);
        ForGenerators(keywords["additionalProperties"]);
        if (keywords.Remove("default", out var value) && value is not null)
        {
            keywords["description"] = $"{keywords["description"]} Default: {value.ToJsonString()}.".TrimStart();
        }

        static void Complete(JsonObject parent, string name, JsonNode? child)
        {
            if (child is JsonValue)
            {
                parent[name] = new JsonObject();
            }
            else
            {
                ForGenerators(child);
            }
        }
    }

    private OpenApiParameter Of(string name, ParameterLocation location, JsonObject schema)
    {
        schema.Remove("description", out var description);
        return new OpenApiParameter
        {
            Name = name,
            In = location,
            Required = location == ParameterLocation.Path,
            Description = description?.GetValue<string>(),
            Schema = Schema(schema),
        };
    }

    private OpenApiResponse Response(Problem[] problems, JsonObject schema) => new()
    {
        Description = string.Join("; ", problems.Select(static problem => $"{problem.Title} ({problem.Slug})")) + ".",
        Headers = HeadersOf(problems),
        Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
        {
            ["application/problem+json"] = new OpenApiMediaType
            {
                Schema = Schema(schema),
                Examples = problems.ToDictionary(static problem => problem.Slug, Example, StringComparer.Ordinal),
            },
        },
    };

    private static Dictionary<string, IOpenApiHeader>? HeadersOf(Problem[] problems)
    {
        var headers = new Dictionary<string, IOpenApiHeader>(StringComparer.Ordinal);
        foreach (var problem in problems)
        {
            if (problem.RetryAfterSeconds is not null)
            {
                headers["Retry-After"] = Header("Seconds after which a retry makes sense.", JsonSchemaType.Integer);
            }

            if (problem.Header is var (name, value))
            {
                headers[name] = Header($"For example: {value}", JsonSchemaType.String);
            }
        }

        return headers.Count == 0 ? null : headers;
    }

    private IOpenApiExample Example(Problem problem)
    {
        if (_kept.Add("example " + problem.Slug))
        {
            var value = (JsonObject)JsonNode.Parse(RawJson.From(problem, CoreJson.TypeInfo<Problem>()).Utf8.Span)!;

            // A fixed id keeps the document the same for every build.
            value["traceId"] = "0af7651916cd43dd8448eb211c80319c";
            document.AddComponent<IOpenApiExample>(problem.Slug, new OpenApiExample { Summary = problem.Title, Value = value });
        }

        return new OpenApiExampleReference(problem.Slug, document);
    }

    private static OpenApiHeader Header(string description, JsonSchemaType type) => new() { Description = description, Schema = new OpenApiSchema { Type = type } };
}
