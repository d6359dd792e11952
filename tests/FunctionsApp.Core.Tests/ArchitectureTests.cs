using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests;

/// <summary>The folders of Core use each other one way.</summary>
public sealed class ArchitectureTests
{
    /// <summary>From the ground up: a folder uses those before it, never one after it.</summary>
    private static readonly string[] Order =
    [
        "Problems", "Limits", "Arithmetic", "Json", "Telemetry", "Cpu", "Outbound", "Operations",
        "Patterns", "Patterns.Await", "Patterns.Sequence", "Patterns.Callback", "Patterns.Gather", "Patterns.Map", "Patterns.Streaming",
        "Webhooks", "Tasks", "Tasks.Embedded", "Health",
    ];

    private static readonly string Root = typeof(FunctionsCoreServices).Namespace!;

    private static readonly Architecture Core = new ArchLoader().LoadAssembly(typeof(Problem).Assembly).Build();

    [Fact]
    public void A_folder_does_not_use_a_later_folder()
    {
        var violations = from type in Core.Types
                         let folder = FolderOf(type)
                         where folder is not null
                         from dependency in type.Dependencies
                         where dependency.Target is not GenericParameter // the library knows those by their names alone
                         let used = FolderOf(dependency.Target)
                         where used is not null && Array.IndexOf(Order, used) > Array.IndexOf(Order, folder)
                         select $"{folder}: {type.Name} uses {dependency.Target.Name} of {used}";

        Assert.Equal("", string.Join(Environment.NewLine, violations.Distinct().Order()));
    }

    [Fact]
    public void Every_folder_is_in_the_list()
    {
        var folders = Core.Types.Select(FolderOf).OfType<string>().Distinct();

        Assert.Equal(Order.Order(), folders.Order());
    }

    /// <summary>The folder of a type; null for composition, and for what is not Core's.</summary>
    private static string? FolderOf(IType type) => type.Namespace?.FullName is { } name && name.StartsWith(Root + ".", StringComparison.Ordinal) ? name[(Root.Length + 1)..] : null;
}
