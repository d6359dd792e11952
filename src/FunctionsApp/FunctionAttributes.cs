// The only types of the worker's packages that the functions name. The azure build takes them from the packages
// (Microsoft.Azure.Functions.Worker.Extensions.Abstractions and …Extensions.Http), the local build from here.
namespace Microsoft.Azure.Functions.Worker;

/// <summary>Marks a method as a function.</summary>
/// <param name="name">The function's name, unique in the app.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FunctionAttribute(string name) : Attribute
{
    /// <summary>The function's name.</summary>
    public string Name { get; } = name;
}

/// <summary>Marks the parameter that receives the HTTP request which triggers the function.</summary>
/// <param name="authLevel">What a caller must show.</param>
/// <param name="methods">The HTTP methods that the function answers.</param>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class HttpTriggerAttribute(AuthorizationLevel authLevel, params string[] methods) : Attribute
{
    /// <summary>What a caller must show.</summary>
    public AuthorizationLevel AuthLevel { get; } = authLevel;

    /// <summary>The HTTP methods that the function answers.</summary>
    public string[]? Methods { get; } = methods;

    /// <summary>The route template after the route prefix; the function's name if there is none.</summary>
    public string? Route { get; set; }
}

/// <summary>What a caller of a function must show.</summary>
public enum AuthorizationLevel
{
    /// <summary>Nothing.</summary>
    Anonymous = 0,

    /// <summary>A user's token; no longer offered by the platform.</summary>
    User = 1,

    /// <summary>A function key.</summary>
    Function = 2,

    /// <summary>A system key.</summary>
    System = 3,

    /// <summary>The master key.</summary>
    Admin = 4,
}
