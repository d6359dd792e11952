using System.Text.Json.Nodes;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.OpenApi;

/// <summary>The request and response of a function, beyond its attributes.</summary>
/// <param name="Tag">The pattern it belongs to.</param>
internal sealed record EndpointDescription(string Tag)
{
    /// <summary>Selects the operations of a route that names one: each gets its own path and schemas.</summary>
    public Func<Operation, bool>? Runs { get; init; }

    /// <summary>Its parameters, without those in its route.</summary>
    public IReadOnlyList<Parameter> Parameters { get; init; } = [];

    /// <summary>Its parameters that ask for another response than the first, and those that only such a request uses.</summary>
    public IReadOnlyList<Parameter> Choices { get; init; } = [];

    /// <summary>All of them.</summary>
    public IEnumerable<Parameter> AllParameters => Parameters.Concat(Choices);

    /// <summary>The body that it reads, in each of its formats.</summary>
    public Func<Schemas, Content[]>? Body { get; init; }

    /// <summary>Whether the body is required.</summary>
    public Func<Schemas, bool> NeedsBody { get; init; } = static _ => true;

    /// <summary>Its response; null if it is a task in any case.</summary>
    public Response? Response { get; init; }

    /// <summary>Its possible problems, without those of any request.</summary>
    public IReadOnlyList<Problem> Problems { get; init; } = [];

    /// <summary>The same endpoint with the first format of its body and of its response, and nothing that asks for another one.</summary>
    public EndpointDescription WithOneResponse() => this with
    {
        Choices = [],
        Body = Body is { } body ? of => body(of)[..1] : null,
        Response = Response is { } response ? response with { Contents = of => [response.Contents(of)[0].WithBinaryStream()] } : null,
    };
}

/// <summary>The response of a function that succeeds.</summary>
/// <param name="Description">The response as a sentence.</param>
/// <param name="Contents">Its body, in each of its formats.</param>
/// <param name="Status">Its status.</param>
internal sealed record Response(string Description, Func<Schemas, Content[]> Contents, int Status = 200);

/// <summary>One format of a body.</summary>
/// <param name="MediaType">The media type.</param>
/// <param name="Schema">JSON Schema of the whole; for a stream, of one line or of the data of one event.</param>
/// <param name="Example">A working example.</param>
internal sealed record Content(string MediaType, JsonNode Schema, JsonNode? Example = null)
{
    /// <summary>The same format; a stream as bytes, because generators take a schema for that of the whole.</summary>
    public Content WithBinaryStream() => MediaType is "application/x-ndjson" or "text/event-stream"
        ? this with { Schema = new JsonObject { ["type"] = "string", ["format"] = "binary" } }
        : this;
}

/// <summary>A parameter that is not in the route.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Location">Where it is: <c>header</c> or <c>query</c>.</param>
/// <param name="Schema">JSON Schema of its value, with a description.</param>
/// <param name="Scope">Distinguishes it from other parameters of this name.</param>
internal sealed record Parameter(string Name, string Location, Func<Schemas, JsonNode> Schema, string Scope = "");
