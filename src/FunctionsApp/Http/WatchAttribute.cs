using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Http;

/// <summary>
/// Marks a function whose requests wait for a change and do no work meanwhile. A host lets them wait beside the requests that work, not
/// in their place.
/// </summary>
/// <param name="parameter">The query parameter that makes a request wait; null where every request does.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class WatchAttribute(string? parameter = null) : Attribute
{
    /// <summary>The query parameter that makes a request wait; null where every request does.</summary>
    public string? Parameter { get; } = parameter;

    /// <summary>Whether a request waits.</summary>
    public bool Applies(HttpRequest request) => Parameter is null || request.Query.ContainsKey(Parameter);
}
