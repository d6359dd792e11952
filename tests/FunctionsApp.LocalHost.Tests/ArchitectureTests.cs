using ArchUnitNET.Domain;
using ArchUnitNET.Loader;

namespace FunctionsApp.LocalHost.Tests;

/// <summary>The folders of each project of src use each other one way.</summary>
public sealed class ArchitectureTests
{
    /// <summary>From the ground up: a folder uses those before it, never one after it. What is in no folder is composition: no folder uses it.</summary>
    private static readonly Dictionary<string, string[]> Order = new()
    {
        ["FunctionsApp.Core"] =
        [
            "Requests", "Problems", "Settings", "Limits", "Arithmetic", "Json", "Json.Schema", "Telemetry", "Cpu", "Outbound", "Operations",
            "Patterns", "Patterns.Await", "Patterns.Sequence", "Patterns.Callback", "Patterns.Gather", "Patterns.Map", "Patterns.Streaming",
            "Webhooks", "Tasks", "Health",
        ],
        ["FunctionsApp.Operations"] = [],
        ["FunctionsApp.Embedded"] = ["Storage"],
        ["FunctionsApp.Durable"] = ["Records", "Storage", "Orchestration", "Activities", "Client", "Hosting"],
        ["FunctionsApp"] = ["Telemetry", "Logging", "Http", "OpenApi", "Functions", "Hosting"],
        ["FunctionsApp.LocalHost"] = [],
    };

    public static TheoryData<string> Projects => [.. Order.Keys];

    [Theory, MemberData(nameof(Projects))]
    public void A_folder_does_not_use_a_later_folder(string project)
    {
        string[] order = [.. Order[project], ""];
        var violations = from type in TypesOf(project)
                         let folder = FolderOf(type, project)
                         where folder is not null
                         from dependency in type.Dependencies
                         where dependency.Target is not GenericParameter // the library knows those by their names alone
                         where dependency.Target.Assembly.Equals(type.Assembly)
                         let used = FolderOf(dependency.Target, project)
                         where used is not null && Array.IndexOf(order, used) > Array.IndexOf(order, folder)
                         select $"{folder}: {type.Name} uses {dependency.Target.Name} of {used}";

        Assert.Equal("", string.Join(Environment.NewLine, violations.Distinct().Order()));
    }

    [Theory, MemberData(nameof(Projects))]
    public void Every_folder_is_in_the_list(string project)
    {
        var folders = TypesOf(project).Select(type => FolderOf(type, project)).Where(static folder => !string.IsNullOrEmpty(folder)).Distinct();

        Assert.Equal(Order[project].Order(), folders.Order());
    }

    [Fact]
    public void Every_project_has_its_order() => Assert.Equal(
        Directory.GetDirectories(Path.Combine(Repository.Root, "src")).Select(Path.GetFileName).Order(),
        Order.Keys.Append("FunctionsApp.Generators").Order()); // which runs in the compiler, and is one class

    [Fact]
    public void No_file_has_more_than_300_lines_and_no_line_more_than_140_characters()
    {
        var violations = from file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
                         let path = Path.GetRelativePath(Repository.Root, file)
                         where !path.Split(Path.DirectorySeparatorChar).Intersect(["obj", "bin"]).Any()
                         let lines = File.ReadAllLines(file)
                         from violation in lines.Index().Where(static line => line.Item.Length > 140).Select(static line => $"line {line.Index + 1}")
                             .Concat(lines.Length > 300 ? [$"{lines.Length} lines"] : [])
                         select $"{path}: {violation}";

        Assert.Equal("", string.Join(Environment.NewLine, violations));
    }

    private static IEnumerable<IType> TypesOf(string project)
    {
        var architecture = new ArchLoader().LoadAssembly(System.Reflection.Assembly.Load(project)).Build();
        return architecture.Types;
    }

    /// <summary>The folder of a type; empty for one in no folder, null for one that is generated elsewhere.</summary>
    private static string? FolderOf(IType type, string project) => type.Namespace?.FullName is { } name && (name + ".").StartsWith(project + ".", StringComparison.Ordinal)
        ? name[project.Length..].TrimStart('.')
        : null;
}
