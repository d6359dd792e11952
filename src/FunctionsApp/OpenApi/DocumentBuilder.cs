using System.Globalization;
using System.Text.Json.Nodes;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Azure.Functions.Worker;
using Microsoft.OpenApi;

namespace FunctionsApp.OpenApi;

/// <summary>Builds the document: functions from their attributes, operations from the catalog, the rest from <see cref="Endpoints"/>.</summary>
internal sealed class DocumentBuilder
{
    private const string OperationParameter = "operation";

    private readonly OpenApiDocument _document = new() { Components = new OpenApiComponents(), Paths = [] };
    private readonly Dictionary<string, JsonObject> _records = new(StringComparer.Ordinal);
    private readonly OperationCatalog _catalog;
    private readonly Dictionary<Operation, string> _names;
    private readonly Schemas _schemas;
    private readonly Components _components;

    /// <summary>Creates an empty builder.</summary>
    /// <param name="catalog">The operations.</param>
    /// <param name="patterns">The patterns that can run as tasks.</param>
    /// <param name="limits">The limits of requests.</param>
    public DocumentBuilder(OperationCatalog catalog, TaskPatterns patterns, LimitsOptions limits)
    {
        _catalog = catalog;
        _names = NamesOf(catalog.All);
        _schemas = new Schemas(_records, limits, patterns);
        _components = new Components(_document, _schemas);
    }

    /// <summary>Builds the document. Call it once.</summary>
    /// <param name="functions">The functions.</param>
    /// <param name="server">The base URL of all paths.</param>
    /// <exception cref="InvalidOperationException">A function has no description, or a description has no function.</exception>
    public OpenApiDocument Build(IEnumerable<HttpFunction> functions, string server)
    {
        var byName = functions.ToDictionary(static function => function.Name, StringComparer.Ordinal);
        if (byName.Keys.FirstOrDefault(static name => !Endpoints.ByFunction.ContainsKey(name)) is { } unknown)
        {
            throw new InvalidOperationException($"The function {unknown} is not described in {nameof(Endpoints)}.");
        }

        _document.Info = new OpenApiInfo
        {
            Title = "asyncio over HTTP",
            Version = typeof(DocumentBuilder).Assembly.GetName().Version!.ToString(3),
            Description = "Await, sequence, callback, gather, parallel map, stream and tasks: the vocabulary of Python's asyncio and multiprocessing as HTTP endpoints. "
                + "Each endpoint with GET also supports HEAD, which responds without a body. "
                + "application/ndjson, application/jsonl and application/jsonlines are the same as application/x-ndjson.",
        };
        _document.Servers = [new OpenApiServer { Url = server }];
        _document.Tags = new HashSet<OpenApiTag>(Endpoints.Tags.Select(static tag => new OpenApiTag { Name = tag.Name, Description = tag.Description }));
        _document.Security = AddKey("functionKey", "A function key");
        var masterKey = AddKey("masterKey", "The master key, which opens every function");
        foreach (var (name, endpoint) in Endpoints.ByFunction)
        {
            Add(byName.TryGetValue(name, out var function) ? function : throw new InvalidOperationException($"There is no function {name}."), endpoint, masterKey);
        }

        // They belong to no path, only to the document.
        _ = _components.Of("Server", ProblemSamples.OfServer).ToList();
        _document.Webhooks = new Dictionary<string, IOpenApiPathItem>(StringComparer.Ordinal) { ["taskEnded"] = TaskEnded() };
        foreach (var (name, schema) in _records.OrderBy(static record => record.Key, StringComparer.Ordinal))
        {
            _document.AddComponent(name, _components.Schema(schema));
        }

        return _document;
    }

    /// <summary>Adds the two locations of a key.</summary>
    private List<OpenApiSecurityRequirement> AddKey(string name, string description)
    {
        return [Add(name, ParameterLocation.Header, "x-functions-key"), Add(name + "InQuery", ParameterLocation.Query, "code")];

        OpenApiSecurityRequirement Add(string scheme, ParameterLocation location, string parameter)
        {
            _document.AddComponent<IOpenApiSecurityScheme>(scheme, new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.ApiKey,
                In = location,
                Name = parameter,
                Description = description + ". LocalHost requires it if a key is configured.",
            });
            return new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(scheme, _document)] = [] };
        }
    }

    /// <summary>Adds a function; once per operation if it runs operations, as a path has one schema.</summary>
    private void Add(HttpFunction function, Endpoint endpoint, List<OpenApiSecurityRequirement> masterKey)
    {
        var route = RoutePatternFactory.Parse(function.Route);
        IEnumerable<Operation?> operations = [null];
        if (endpoint.Runs is { } runs)
        {
            operations = _catalog.All.Where(runs);
        }

        foreach (var operation in operations)
        {
            var path = PathOf(route, operation);
            if (!_document.Paths.TryGetValue(path, out var item))
            {
                _document.Paths.Add(path, item = new OpenApiPathItem());
            }

            var described = Describe(function, endpoint, operation);
            described.Parameters =
            [
                .. route.Parameters.Select(static parameter => parameter.Name).Where(name => operation is null || name is not OperationParameter).Select(_components.InRoute),
                .. endpoint.Parameters.Select(_components.Of),
            ];
            described.Security = function.Trigger.AuthLevel switch
            {
                AuthorizationLevel.Anonymous => [],
                AuthorizationLevel.Admin => masterKey,
                _ => null,
            };

            // HEAD is implied by GET (RFC 9110), and would only repeat it here.
            foreach (var method in (function.Trigger.Methods ?? []).Select(static method => HttpMethod.Parse(method)).Where(static method => method != HttpMethod.Head))
            {
                ((OpenApiPathItem)item).AddOperation(method, described);
            }
        }
    }

    private static string PathOf(RoutePattern route, Operation? operation) =>
        string.Concat(route.PathSegments.Select(segment => "/" + string.Concat(segment.Parts.Select(part => part switch
        {
            RoutePatternLiteralPart literal => literal.Content,
            RoutePatternParameterPart { Name: OperationParameter } when operation is not null => operation.Name,
            RoutePatternParameterPart parameter => $"{{{parameter.Name}}}",
            _ => throw new InvalidOperationException($"The route {route.RawText} is not understood."),
        }))));

    private OpenApiOperation Describe(HttpFunction function, Endpoint endpoint, Operation? operation)
    {
        var schemas = _schemas.For(operation is null ? null : (operation, _names[operation]));
        var responses = new OpenApiResponses();
        if (endpoint.ResponseContents is { } contents)
        {
            responses.Add(
                endpoint.Status.ToString(CultureInfo.InvariantCulture),
                new OpenApiResponse { Description = endpoint.ResponseDescription, Content = _components.Contents(contents(schemas)) });
        }

        if (endpoint.MayBeTask)
        {
            responses.Add("202", _components.Accepted());
        }

        if (endpoint.MayBeEmpty)
        {
            responses.Add("204", new OpenApiResponse { Description = "The client has all events." });
        }

        IEnumerable<Problem> refusals = function.Trigger.AuthLevel == AuthorizationLevel.Anonymous ? [] : [ProblemSamples.Unauthorized];
        foreach (var (status, response) in _components.Of(
            function.Name, [.. ProblemSamples.OfAll, .. refusals, .. endpoint.Problems, .. endpoint.MayBeTask ? ProblemSamples.OfTask : []]))
        {
            responses.Add(status, response);
        }

        return new OpenApiOperation
        {
            OperationId = operation is null ? function.Name : function.Name + _names[operation],
            Summary = operation is null ? endpoint.Summary : $"{operation.Name}: {operation.Summary}",
            Tags = TagOf(endpoint.Tag),
            RequestBody = endpoint.Body is null ? null : new OpenApiRequestBody { Required = endpoint.NeedsBody(schemas), Content = _components.Contents(endpoint.Body(schemas)) },
            Responses = responses,
        };
    }

    /// <summary>Returns what the names of an operation's schemas begin with: <c>MathSquare</c> for <c>math.square</c>; with a number if that is taken.</summary>
    private static Dictionary<Operation, string> NamesOf(IEnumerable<Operation> operations)
    {
        var taken = typeof(Operation).Assembly.GetExportedTypes().Select(static type => type.Name).ToHashSet(StringComparer.Ordinal);
        return operations.ToDictionary(static operation => operation, operation =>
        {
            var name = PascalCase.Of(operation.Name) is { Length: > 0 } words ? words : nameof(Operation);
            var free = Enumerable.Range(1, int.MaxValue).Select(number => number == 1 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}{number}"))
                .First(candidate => !Schemas.Suffixes.Any(suffix => taken.Contains(candidate + suffix)));
            taken.UnionWith(Schemas.Suffixes.Select(suffix => free + suffix));
            return free;
        });
    }

    /// <summary>Describes the webhook that a task can request (Standard Webhooks).</summary>
    private OpenApiPathItem TaskEnded()
    {
        var item = new OpenApiPathItem();
        item.AddOperation(HttpMethod.Post, new OpenApiOperation
        {
            OperationId = "taskEnded",
            Summary = "Reports the end of a task to the URL of its onSuccess or onError. The app repeats the message until the receiver accepts it.",
            Tags = TagOf("tasks"),
            Security = [],
            Parameters =
            [
                Sent("webhook-id", "The id of the message: the same in every attempt."),
                Sent("webhook-timestamp", "The time of this attempt, in seconds since 1970."),
                Sent("webhook-signature", "v1, and the base64 HMAC-SHA256 of id.timestamp.body; one signature for each key, separated by spaces."),
            ],
            RequestBody = new OpenApiRequestBody { Required = true, Content = _components.Contents([new Content("application/json", _schemas.Response<TaskMessage>())]) },
            Responses = new OpenApiResponses
            {
                ["2XX"] = new OpenApiResponse { Description = "The message is delivered." },
                ["3XX"] = new OpenApiResponse { Description = "The app does not follow redirects, and sends nothing more." },
                ["410"] = new OpenApiResponse { Description = "The receiver is gone, and the app sends nothing more." },
                ["default"] = new OpenApiResponse { Description = "The app sends the message again later: after the pause of the schedule, or after the seconds of Retry-After if these are more." },
            },
        });
        return item;

        static IOpenApiParameter Sent(string name, string description) => new OpenApiParameter
        {
            Name = name,
            In = ParameterLocation.Header,
            Required = true,
            Description = description,
            Schema = new OpenApiSchema { Type = JsonSchemaType.String },
        };
    }

    private HashSet<OpenApiTagReference> TagOf(string name) => [new OpenApiTagReference(name, _document)];
}
