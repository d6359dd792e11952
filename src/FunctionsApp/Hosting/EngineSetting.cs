using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.Configuration;

namespace FunctionsApp.Hosting;

/// <summary>The setting that names the task engine.</summary>
internal static class EngineSetting
{
    /// <summary>The name of the setting.</summary>
    public const string Name = $"{TasksOptions.Section}:{nameof(TasksOptions.Engine)}";

    /// <summary>Returns whether it names the durable engine.</summary>
    /// <param name="configuration">The app settings.</param>
    public static bool IsDurable(IConfiguration configuration) => string.Equals(configuration[Name], "durable", StringComparison.Ordinal);
}
