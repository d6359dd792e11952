using System.Text.Json;

namespace FunctionsApp;

/// <summary>Inputs with their known outputs, as data: <c>tests/Vectors</c>.</summary>
internal static class Vectors
{
    /// <summary>Reads a file with a JSON array.</summary>
    public static IReadOnlyList<JsonElement> Read(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(PathOf(name)));
        return [.. document.RootElement.Clone().EnumerateArray()];
    }

    public static string PathOf(string name) => Path.Combine(Repository.Root, "tests", "Vectors", name);
}
