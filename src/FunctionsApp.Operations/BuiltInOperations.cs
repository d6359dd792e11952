using FunctionsApp.Core.Json;
using FunctionsApp.Operations;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registration of the built-in operations.</summary>
public static class BuiltInOperations
{
    /// <summary>
    /// Adds the built-in operations. They need a <see cref="TimeProvider"/>; the HTTP operations also need an
    /// <see cref="FunctionsApp.Core.Outbound.OutboundClient"/>.
    /// </summary>
    public static IServiceCollection AddBuiltInOperations(this IServiceCollection services)
    {
        CoreJson.Add(BuiltInJsonContext.Default);
        return services.AddFunctionsAppOperations();
    }
}
