using System.Collections.Frozen;
using System.Reflection;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Operations;

/// <summary>Registers a class as an operation. <see cref="OperationServices.AddOperation{T}"/> adds these.</summary>
/// <param name="Implementation">The class.</param>
public sealed record OperationRegistration(Type Implementation);

/// <summary>All operations by name. Each is created when it is first requested, not at startup.</summary>
public sealed class OperationCatalog
{
    /// <summary>By name; <see cref="Create"/> creates each.</summary>
    private readonly FrozenDictionary<string, Lazy<Operation>> _operations;

    /// <summary>Collects the registered operations.</summary>
    /// <exception cref="InvalidOperationException">Two operations have one name, or a class is not an operation.</exception>
    public OperationCatalog(IEnumerable<OperationRegistration> registrations, IServiceProvider services)
    {
        var operations = new Dictionary<string, Lazy<Operation>>(StringComparer.Ordinal);
        foreach (var implementation in registrations.Select(static registration => registration.Implementation))
        {
            var about = implementation.GetCustomAttribute<OperationAttribute>()
                ?? throw new InvalidOperationException($"{implementation} needs an [Operation] attribute.");
            if (!operations.TryAdd(about.Name, new Lazy<Operation>(() => Create(implementation, about, services))))
            {
                throw new InvalidOperationException($"Two operations are named '{about.Name}'; one is {implementation}.");
            }
        }

        _operations = operations.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>Every operation, by name in ordinal order.</summary>
    public IEnumerable<Operation> All =>
        _operations.OrderBy(static entry => entry.Key, StringComparer.Ordinal).Select(static entry => entry.Value.Value);

    /// <summary>Finds an operation.</summary>
    /// <param name="name">Its exact name.</param>
    /// <typeparam name="T">The kind that the caller can run.</typeparam>
    /// <exception cref="ProblemException"><c>unknown-operation</c>, with the nearest names; <c>wrong-kind</c>.</exception>
    public T Find<T>(string name)
        where T : Operation
    {
        var operation = _operations.TryGetValue(name, out var known)
            ? known.Value
            : throw new ProblemException(Problem.UnknownOperation(name, NearestNames.Of(name, _operations.Keys)));
        return operation as T ?? throw new ProblemException(WrongKind(operation));
    }

    private static Problem WrongKind(Operation operation)
    {
        var use = operation.Kind switch
        {
            OperationKind.Stream => "a stream operation, which yields many values: use stream.",
            OperationKind.Io => "an io operation, which returns one value: use await.",
            _ => "a cpu operation, which returns one value: use await.",
        };
        return Problem.WrongKind($"'{operation.Name}' is {use}");
    }

    /// <summary>Creates an operation from the class that the app has registered.</summary>
    private static Operation Create(Type implementation, OperationAttribute about, IServiceProvider services)
    {
        foreach (var contract in implementation.GetInterfaces().Where(static type => type.IsGenericType))
        {
            var definition = contract.GetGenericTypeDefinition();
            var type = definition == typeof(IOperation<,>) ? typeof(IoOperation<,>)
                : definition == typeof(ICpuOperation<,>) ? typeof(CpuOperation<,>)
                : definition == typeof(IStreamOperation<,>) ? typeof(StreamOperation<,>)
                : null;
            if (type is not null)
            {
                return (Operation)ActivatorUtilities.CreateInstance(
                    services, type.MakeGenericType(contract.GetGenericArguments()), about, services.GetRequiredService(implementation));
            }
        }

        throw new InvalidOperationException($"{implementation} implements none of IOperation, ICpuOperation and IStreamOperation.");
    }
}
