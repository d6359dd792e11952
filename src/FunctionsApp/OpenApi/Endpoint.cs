using System.Text.Json.Nodes;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.OpenApi;

/// <summary>What a function takes and answers, as far as its attributes do not tell.</summary>
/// <param name="Tag">The pattern it belongs to.</param>
/// <param name="Summary">What it does, in one sentence.</param>
internal sealed record Endpoint(string Tag, string Summary)
{
    /// <summary>Which operations it runs, where its route names one: each gets a path of its own, with its own schemas.</summary>
    public Func<Operation, bool>? Runs { get; init; }

    /// <summary>Its parameters but for those in its route.</summary>
    public IReadOnlyList<Parameter> Parameters { get; init; } = [];

    /// <summary>The body that it reads, in each of its forms.</summary>
    public Func<Schemas, Content[]>? Body { get; init; }

    /// <summary>Whether there must be a body.</summary>
    public bool NeedsBody { get; init; } = true;

    /// <summary>The status of its answer.</summary>
    public int Status { get; init; } = 200;

    /// <summary>What its answer is, as a sentence.</summary>
    public required string Response { get; init; }

    /// <summary>Its answer, in each of its forms.</summary>
    public required Func<Schemas, Content[]> Responses { get; init; }

    /// <summary>Whether it answers 204 when there is nothing to say.</summary>
    public bool MayBeEmpty { get; init; }

    /// <summary>Whether it answers 202 with a task for a client that would rather not wait.</summary>
    public bool MayBeTask { get; init; }

    /// <summary>What may go wrong, but for what may go wrong with any request.</summary>
    public IReadOnlyList<Problem> Problems { get; init; } = [];
}

/// <summary>One form of a body.</summary>
/// <param name="MediaType">The media type.</param>
/// <param name="Schema">JSON Schema of the whole; of one line or of the data of one event, where it is a stream.</param>
/// <param name="Example">One that works.</param>
internal sealed record Content(string MediaType, JsonNode Schema, JsonNode? Example = null);

/// <summary>A parameter that is not in the route.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsHeader">Whether it is a header; else it is in the query.</param>
/// <param name="Schema">JSON Schema of its value, with a description.</param>
/// <param name="Scope">What tells it from other parameters of this name.</param>
internal sealed record Parameter(string Name, bool IsHeader, Func<Schemas, JsonObject> Schema, string? Scope = null)
{
    /// <summary>Its name among the components.</summary>
    public string Key => Scope is null ? Name : $"{Scope}.{Name}";
}
