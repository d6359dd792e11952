using System.ComponentModel;
using System.Reflection;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Http;

/// <summary>A function, as its attributes describe it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Method">The method that implements it.</param>
/// <param name="Trigger">Its trigger.</param>
public sealed record HttpFunction(string Name, MethodInfo Method, HttpTriggerAttribute Trigger)
{
    /// <summary>What it does, in one sentence.</summary>
    public string? Summary => Method.GetCustomAttribute<DescriptionAttribute>()?.Description;

    /// <summary>Its route below the prefix.</summary>
    public string Route => Trigger.Route ?? Name;

    /// <summary>The functions of this app.</summary>
    public static IEnumerable<HttpFunction> All => Find(typeof(HttpFunction).Assembly);

    /// <summary>Finds the functions of an assembly.</summary>
    /// <param name="assembly">The assembly.</param>
    public static IEnumerable<HttpFunction> Find(Assembly assembly) =>
        from type in assembly.GetExportedTypes()
        from method in type.GetMethods(BindingFlags.Public | BindingFlags.Instance)
        let name = method.GetCustomAttribute<FunctionAttribute>()?.Name
        where name is not null
        let trigger = method.GetParameters().Select(static parameter => parameter.GetCustomAttribute<HttpTriggerAttribute>())
            .OfType<HttpTriggerAttribute>().SingleOrDefault()
        where trigger is not null
        select new HttpFunction(name, method, trigger);
}
