using System.Globalization;
using System.Text.Json.Nodes;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.OpenApi;

/// <summary>
/// Builds the document: functions from their attributes, operations from the catalog, the rest from <see cref="EndpointDescriptions"/>.
/// </summary>
internal sealed class DocumentBuilder
{
    private readonly Components _components = new();
    private readonly JsonObject _paths = [];
    private readonly OperationCatalog _catalog;
    private readonly Dictionary<Operation, string> _names;
    private readonly Schemas _schemas;
    private readonly Responses _responses;
    private readonly bool _hasOneResponse;

    /// <summary>Creates an empty builder.</summary>
    /// <param name="catalog">The operations.</param>
    /// <param name="patterns">The patterns that can run as tasks.</param>
    /// <param name="limits">The limits of requests.</param>
    /// <param name="hasOneResponse">Whether endpoints are described as for clients that ask for no other than their first response.</param>
    public DocumentBuilder(OperationCatalog catalog, TaskPatterns patterns, LimitsOptions limits, bool hasOneResponse = false)
    {
        _hasOneResponse = hasOneResponse;
        _catalog = catalog;
        _names = NamesOf(catalog.All);
        _schemas = new Schemas(_components, limits, patterns);
        _responses = new Responses(_components, _schemas);
    }

    /// <summary>Builds the document, without its servers. Call it once.</summary>
    /// <param name="functions">The functions.</param>
    /// <exception cref="InvalidOperationException">A function has no description, or a description has no function.</exception>
    public JsonObject Build(IEnumerable<HttpFunction> functions)
    {
        var byName = functions.ToDictionary(static function => function.Name, StringComparer.Ordinal);
        if (byName.Keys.FirstOrDefault(static name => !EndpointDescriptions.ByFunction.ContainsKey(name)) is { } unknown)
        {
            throw new InvalidOperationException($"The function {unknown} is not described in {nameof(EndpointDescriptions)}.");
        }

        foreach (var (name, endpoint) in EndpointDescriptions.ByFunction)
        {
            var function = byName.GetValueOrDefault(name) ?? throw new InvalidOperationException($"There is no function {name}.");
            Add(function, _hasOneResponse ? endpoint.WithOneResponse() : endpoint);
        }

        // They belong to no path, only to the document.
        _ = _responses.Of("Server", ProblemSamples.OfServer).ToList();
        return new JsonObject
        {
            ["openapi"] = "3.1.1",
            ["info"] = new JsonObject
            {
                ["title"] = "asyncio over HTTP",
                ["version"] = typeof(DocumentBuilder).Assembly.GetName().Version!.ToString(3),
                ["description"] = "Await, sequence, callback, gather, parallel map, stream and tasks: "
                    + "the vocabulary of Python's asyncio and multiprocessing as HTTP endpoints. "
                    + "Each endpoint with GET also supports HEAD, which responds without a body. "
                    + "application/ndjson, application/jsonl and application/jsonlines are the same as application/x-ndjson.",
            },
            ["tags"] = new JsonArray([.. EndpointDescriptions.Tags.Select(static tag =>
                new JsonObject { ["name"] = tag.Name, ["description"] = tag.Description })]),
            ["security"] = Keys("functionKey", "A function key"),
            ["paths"] = _paths,
            ["webhooks"] = new JsonObject { ["taskEnded"] = new JsonObject { ["post"] = TaskEnded() } },
            ["components"] = _components.Json,
        };
    }

    /// <summary>Returns the two locations of a key.</summary>
    private JsonArray Keys(string name, string description)
    {
        return [Key(name, "header", "x-functions-key"), Key(name + "InQuery", "query", "code")];

        JsonObject Key(string scheme, string location, string parameter)
        {
            _components.Refer("securitySchemes", scheme, () => new JsonObject
            {
                ["type"] = "apiKey",
                ["in"] = location,
                ["name"] = parameter,
                ["description"] = description + ". LocalHost requires it if a key is configured.",
            });
            return new JsonObject { [scheme] = new JsonArray() };
        }
    }

    /// <summary>Adds a function; once per operation if it runs operations, as a path has one schema.</summary>
    private void Add(HttpFunction function, EndpointDescription endpoint)
    {
        IEnumerable<Operation?> operations = [null];
        if (endpoint.Runs is { } runs)
        {
            operations = _catalog.All.Where(runs);
        }

        foreach (var operation in operations)
        {
            var path = "/" + (operation is null
                ? function.Route
                : function.Route.Replace("{operation}", operation.Name, StringComparison.Ordinal));
            var item = (JsonObject)(_paths[path] ??= new JsonObject());

            // HEAD is implied by GET (RFC 9110), and would only repeat it here.
            var method = function.Trigger.Methods!.Single(static method => method is not "head");
            item[method] = Describe(function, endpoint, operation, path);
        }
    }

    private JsonObject Describe(HttpFunction function, EndpointDescription endpoint, Operation? operation, string path)
    {
        var schemas = _schemas.For(operation is null ? null : (operation, _names[operation]));
        var described = new JsonObject
        {
            ["tags"] = new JsonArray(endpoint.Tag),
            ["summary"] = operation is null ? function.Summary : $"{operation.Name}: {operation.Summary}",
            ["operationId"] = operation is null ? function.Name : function.Name + _names[operation],
        };
        JsonNode[] parameters =
        [
            .. path.Split('/').Where(static part => part.StartsWith('{')).Select(static part => part.Trim('{', '}'))
                .Select(static name => ParameterOf(name, "path", Parameters.InRoute(name), isRequired: true)),
            .. endpoint.AllParameters.Select(parameter => _components.Refer(
                "parameters", parameter.Scope + parameter.Name,
                () => ParameterOf(parameter.Name, parameter.Location, parameter.Schema(_schemas)))),
        ];
        if (parameters.Length > 0)
        {
            described["parameters"] = new JsonArray(parameters);
        }

        if (endpoint.Body is { } body)
        {
            described["requestBody"] = BodyOf(body(schemas), endpoint.NeedsBody(schemas));
        }

        described["responses"] = ResponsesOf(function, endpoint, schemas);
        if (function.Trigger.AuthLevel != AuthorizationLevel.Function)
        {
            described["security"] = function.Trigger.AuthLevel == AuthorizationLevel.Admin
                ? Keys("masterKey", "The master key, which is valid for every function")
                : new JsonArray();
        }

        return described;
    }

    private JsonObject ResponsesOf(HttpFunction function, EndpointDescription endpoint, Schemas schemas)
    {
        var responses = new JsonObject();
        if (endpoint.Response is { } success)
        {
            responses.Add(success.Status.ToString(CultureInfo.InvariantCulture), new JsonObject
            {
                ["description"] = success.Description,
                ["content"] = ContentOf(success.Contents(schemas)),
            });
        }

        var createsTask = endpoint.AllParameters.Contains(Parameters.IdempotencyKey);
        if (createsTask)
        {
            responses.Add("202", _responses.Accepted());
        }

        if (endpoint.Parameters.Contains(Parameters.LastEventId))
        {
            responses.Add("204", Described("The client has all events."));
        }

        IEnumerable<Problem> refusals = function.Trigger.AuthLevel == AuthorizationLevel.Anonymous ? [] : [ProblemSamples.Unauthorized];
        IEnumerable<Problem> ofTask = createsTask ? ProblemSamples.OfTask : [];
        foreach (var (status, response) in _responses.Of(
            function.Name, [.. ProblemSamples.OfAll, .. refusals, .. endpoint.Problems, .. ofTask]))
        {
            responses.Add(status, response);
        }

        return responses;
    }

    private static JsonObject ParameterOf(string name, string location, JsonNode schema, bool isRequired = false)
    {
        schema.AsObject().Remove("description", out var description);
        var parameter = new JsonObject
        {
            ["name"] = name,
            ["in"] = location,
            ["description"] = description,
            ["schema"] = Components.ForGenerators(schema),
        };
        if (isRequired)
        {
            parameter["required"] = true;
        }

        return parameter;
    }

    private static JsonObject BodyOf(Content[] contents, bool isRequired)
    {
        var body = new JsonObject { ["content"] = ContentOf(contents) };
        if (isRequired)
        {
            body["required"] = true;
        }

        return body;
    }

    private static JsonObject ContentOf(Content[] contents) => new(contents.Select(static content =>
    {
        var format = new JsonObject { ["schema"] = Components.ForGenerators(content.Schema) };
        if (content.Example is { } example)
        {
            format["example"] = example;
        }

        return KeyValuePair.Create<string, JsonNode?>(content.MediaType, format);
    }));

    /// <summary>
    /// Returns what the names of an operation's schemas begin with: <c>MathSquare</c> for <c>math.square</c>; with a number if that is
    /// taken.
    /// </summary>
    private static Dictionary<Operation, string> NamesOf(IEnumerable<Operation> operations)
    {
        var taken = typeof(Operation).Assembly.GetExportedTypes().Select(static type => type.Name).ToHashSet(StringComparer.Ordinal);
        return operations.ToDictionary(static operation => operation, operation =>
        {
            var name = Schemas.PascalCase(operation.Name) is { Length: > 0 } words ? words : nameof(Operation);
            var free = Enumerable.Range(1, int.MaxValue)
                .Select(number => number == 1 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}{number}"))
                .First(candidate => !Schemas.Suffixes.Any(suffix => taken.Contains(candidate + suffix)));
            taken.UnionWith(Schemas.Suffixes.Select(suffix => free + suffix));
            return free;
        });
    }

    /// <summary>Describes the webhook that a task can request (Standard Webhooks).</summary>
    private JsonObject TaskEnded()
    {
        return new JsonObject
        {
            ["operationId"] = "taskEnded",
            ["summary"] = "Reports the end of a task to the URL of its onSuccess or onError. "
                + "The app repeats the message until the receiver accepts it.",
            ["tags"] = new JsonArray("tasks"),
            ["security"] = new JsonArray(),
            ["parameters"] = new JsonArray(
                Sent("webhook-id", "The id of the message: the same in every attempt."),
                Sent("webhook-timestamp", "The time of this attempt, in seconds since 1970."),
                Sent(
                    "webhook-signature",
                    "v1, and the base64 HMAC-SHA256 of id.timestamp.body; one signature for each key, separated by spaces.")),
            ["requestBody"] = BodyOf([new Content("application/json", _schemas.Response<TaskMessage>())], isRequired: true),
            ["responses"] = new JsonObject
            {
                ["2XX"] = Described("The message is delivered."),
                ["3XX"] = Described("The app does not follow redirects, and sends nothing more."),
                ["410"] = Described("The receiver is gone, and the app sends nothing more."),
                ["default"] = Described(
                    "The app sends the message again later: after the pause of the schedule, "
                    + "or after the seconds of Retry-After if these are more."),
            },
        };

        static JsonObject Sent(string name, string description) => ParameterOf(
            name, "header", new JsonObject { ["description"] = description, ["type"] = "string" }, isRequired: true);
    }

    private static JsonObject Described(string description) => new() { ["description"] = description };
}
