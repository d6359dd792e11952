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

    /// <summary>The other facts go by namespaces, so they do not see a file in a folder whose namespace is another, such as the framework's.</summary>
    [Fact]
    public void The_namespace_of_a_file_in_a_folder_is_that_of_the_folder()
    {
        var violations = from file in SourceFiles()
                         let folder = Path.GetDirectoryName(file.Path)!
                         where folder.Contains(Path.DirectorySeparatorChar)
                         where !file.Lines.Contains($"namespace {folder.Replace(Path.DirectorySeparatorChar, '.')};", StringComparer.Ordinal)
                         select file.Path;

        Assert.Equal("", string.Join(Environment.NewLine, violations));
    }

    [Fact]
    public void No_file_has_more_than_300_lines_and_no_line_more_than_140_characters()
    {
        var violations = from file in SourceFiles()
                         from violation in file.Lines.Index().Where(static line => line.Item.Length > 140).Select(static line => $"line {line.Index + 1}")
                             .Concat(file.Lines.Length > 300 ? [$"{file.Lines.Length} lines"] : [])
                         select $"{file.Path}: {violation}";

        Assert.Equal("", string.Join(Environment.NewLine, violations));
    }

    private static IEnumerable<(string Path, string[] Lines)> SourceFiles()
    {
        var src = Path.Combine(Repository.Root, "src");
        return from file in Directory.EnumerateFiles(src, "*.cs", SearchOption.AllDirectories)
               let path = Path.GetRelativePath(src, file)
               where !path.Split(Path.DirectorySeparatorChar).Intersect(["obj", "bin"]).Any()
               select (path, File.ReadAllLines(file));
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
