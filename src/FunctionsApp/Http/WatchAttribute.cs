using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Http;

/// <summary>
/// Marks a function whose requests wait for a change and do no work meanwhile. A host does not count them towards the
/// requests that work.
/// </summary>
/// <param name="parameter">The query parameter that makes a request wait; null if every request does.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class WatchAttribute(string? parameter = null) : Attribute
{
    /// <summary>The query parameter that makes a request wait; null if every request does.</summary>
    public string? Parameter { get; } = parameter;

    /// <summary>Returns whether a request waits.</summary>
    public bool Applies(HttpRequest request) => Parameter is null || request.Query.ContainsKey(Parameter);
}
