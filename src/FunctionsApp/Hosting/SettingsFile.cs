using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace FunctionsApp.Hosting;

/// <summary>Reads the JSON files that the Functions host reads, with their comments.</summary>
public static class SettingsFile
{
    /// <summary>Reads a file.</summary>
    /// <returns>Its settings; none if the file does not exist.</returns>
    /// <exception cref="InvalidOperationException">The file is not JSON.</exception>
    public static IConfigurationRoot Read(string directory, string name)
    {
        var builder = new ConfigurationBuilder();
        var path = Path.Combine(directory, name);
        try
        {
            return File.Exists(path) ? builder.AddJsonStream(new MemoryStream(File.ReadAllBytes(path))).Build() : builder.Build();
        }
        catch (Exception exception) when (exception is FormatException or JsonException)
        {
            throw new InvalidOperationException(
                $"{name} is not valid JSON: {exception.InnerException?.Message ?? exception.Message}", exception);
        }
    }
}
