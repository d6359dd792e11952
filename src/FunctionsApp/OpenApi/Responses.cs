using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.OpenApi;

/// <summary>The responses that endpoints share: the accepted task, and those of problems.</summary>
/// <param name="components">The parts of the document.</param>
/// <param name="schemas">The schemas.</param>
internal sealed class Responses(Components components, Schemas schemas)
{
    /// <summary>Returns 202 with a task; not by a reference, which some generators do not follow to a response.</summary>
    public JsonObject Accepted() => new()
    {
        ["description"] = "The accepted task.",
        ["headers"] = new JsonObject
        {
            ["Location"] = Header("The path of the task.", "string"),
            ["Preference-Applied"] = Header("The applied preferences.", "string"),
        },
        ["content"] = new JsonObject { ["application/json"] = new JsonObject { ["schema"] = schemas.AcceptedTask } },
    };

    /// <summary>Creates a response for each status of the problems of an endpoint.</summary>
    /// <param name="endpoint">The endpoint's name.</param>
    /// <param name="problems">
    /// Its problems. All of its responses have one type for them, so that a client needs one clause to catch them.
    /// </param>
    public IEnumerable<KeyValuePair<string, JsonNode?>> Of(string endpoint, IReadOnlyList<Problem> problems) =>
        from problem in problems.Distinct()
        group problem by problem.Status into ofStatus
        orderby ofStatus.Key
        let status = ofStatus.Key.ToString(CultureInfo.InvariantCulture)
        select KeyValuePair.Create<string, JsonNode?>(status, components.Refer(
            "responses", endpoint + status, () => Response([.. ofStatus], schemas.ProblemOf(endpoint + "Problem", problems))));

    private JsonObject Response(Problem[] problems, JsonNode schema)
    {
        var response = new JsonObject
        {
            ["description"] = string.Join("; ", problems.Select(static problem => $"{problem.Title} ({problem.Slug})")) + ".",
            ["content"] = new JsonObject
            {
                ["application/problem+json"] = new JsonObject
                {
                    ["schema"] = schema,
                    ["examples"] = new JsonObject(problems.Select(problem => KeyValuePair.Create<string, JsonNode?>(
                        problem.Slug, components.Refer("examples", problem.Slug, () => Example(problem))))),
                },
            },
        };
        var headers = new JsonObject();
        foreach (var problem in problems)
        {
            if (problem.RetryAfterSeconds is not null)
            {
                headers["Retry-After"] = Header("Seconds after which a retry makes sense.", "integer");
            }

            if (problem.Header is var (name, value))
            {
                headers[name] = Header($"For example: {value}", "string");
            }
        }

        if (headers.Count > 0)
        {
            response["headers"] = headers;
        }

        return response;
    }

    private static JsonObject Example(Problem problem)
    {
        var value = JsonSerializer.SerializeToNode(problem, CoreJson.TypeInfo<Problem>())!;

        // A fixed id keeps the document the same for every build.
        value["traceId"] = "0af7651916cd43dd8448eb211c80319c";
        return new JsonObject { ["summary"] = problem.Title, ["value"] = value };
    }

    private static JsonObject Header(string description, string type) =>
        new() { ["description"] = description, ["schema"] = new JsonObject { ["type"] = type } };
}
