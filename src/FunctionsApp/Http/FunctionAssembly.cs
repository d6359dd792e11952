using System.Reflection;

namespace FunctionsApp.Http;

/// <summary>An assembly that contains functions.</summary>
/// <param name="Assembly">The assembly.</param>
public sealed record FunctionAssembly(Assembly Assembly);
