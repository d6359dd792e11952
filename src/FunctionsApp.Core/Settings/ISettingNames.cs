using Microsoft.Extensions.Configuration;

namespace FunctionsApp.Core.Settings;

/// <summary>The names of some settings. Finds the names that are mistakes.</summary>
public interface ISettingNames
{
    /// <summary>The names of its settings, such as <c>Limits:MaxCalls</c>.</summary>
    IEnumerable<string> Names { get; }

    /// <summary>Returns the names in the configuration that are mistakes.</summary>
    /// <param name="configuration">The app settings.</param>
    IEnumerable<string> FindUnknown(IConfiguration configuration);
}
