using FunctionsApp.Core.Operations;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registration of operations.</summary>
public static class OperationServices
{
    /// <summary>
    /// Adds an operation: every pattern can run it by its name, and the catalog lists it. One instance serves
    /// all calls, so it must be thread-safe.
    /// </summary>
    /// <typeparam name="T">
    /// A class with an <see cref="OperationAttribute"/> that is an <see cref="IOperation{TInput, TOutput}"/>,
    /// <see cref="ICpuOperation{TInput, TOutput}"/> or <see cref="IStreamOperation{TInput, TOutput}"/>.
    /// </typeparam>
    public static IServiceCollection AddOperation<T>(this IServiceCollection services)
        where T : class
    {
        services.TryAddSingleton<T>();
        return services.AddSingleton(new OperationRegistration(typeof(T)));
    }

    /// <summary>Removes an operation that has been added: no pattern can run it, and the catalog does not list it.</summary>
    /// <typeparam name="T">The class of the operation.</typeparam>
    public static IServiceCollection RemoveOperation<T>(this IServiceCollection services)
        where T : class
    {
        var added = services.Where(static service => service.ImplementationInstance is OperationRegistration registration
            && registration.Implementation == typeof(T));
        foreach (var service in added.ToArray())
        {
            services.Remove(service);
        }

        return services;
    }
}
