using System.Diagnostics.CodeAnalysis;

namespace FunctionsApp.Core.Operations;

/// <summary>Names and describes an operation.</summary>
/// <param name="name">Unique; lower camelCase words with dots between, such as <c>primes.isPrime</c>. It is part of URLs.</param>
/// <param name="summary">One sentence.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class OperationAttribute(string name, string summary) : Attribute
{
    /// <summary>The name.</summary>
    public string Name { get; } = name;

    /// <summary>What it does, in one sentence.</summary>
    public string Summary { get; } = summary;

    /// <summary>A valid input, as JSON.</summary>
    [StringSyntax(StringSyntaxAttribute.Json)]
    public string Example { get; init; } = "{}";
}
