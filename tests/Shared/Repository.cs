using System.Reflection;

namespace FunctionsApp;

/// <summary>Where this repository lies, and what was built in it.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>The assembly of another project, built like this program.</summary>
    /// <param name="folder">The project's folder; its last part is the assembly's name.</param>
    public static string Assembly(string folder)
    {
        var configuration = typeof(Repository).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        return Path.Combine(Root, folder, "bin", configuration, "net10.0", Path.GetFileName(folder) + ".dll");
    }

    private static string Find()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "FunctionsApp.sln")))
        {
            directory = directory.Parent;
        }

        return directory.FullName;
    }
}
