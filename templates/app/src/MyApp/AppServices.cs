namespace Microsoft.Extensions.DependencyInjection;

/// <summary>What this app adds to the patterns and the built-in operations, on every host.</summary>
public static class AppServices
{
    /// <summary>Adds the operations of this assembly. Services that they take are added here too.</summary>
    public static IServiceCollection AddOwnAppMethod(this IServiceCollection services) => services.AddOwnAppMethodOperations();
}
