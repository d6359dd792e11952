using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Configuration;

namespace FunctionsApp.Core.Settings;

/// <summary>Finds names in the configuration that are mistakes.</summary>
public static class UnknownSettings
{
    /// <summary>Returns each such name once, with the name that it may stand for, if there is one.</summary>
    /// <param name="configuration">The app settings.</param>
    /// <param name="settings">All known names.</param>
    public static IEnumerable<(string Name, string? Nearest)> Find(
        IConfiguration configuration, IReadOnlyCollection<ISettingNames> settings)
    {
        string[] known = [.. settings.SelectMany(static names => names.Names)];
        return settings.SelectMany(names => names.FindUnknown(configuration)).Distinct(StringComparer.OrdinalIgnoreCase)
            .Select(unknown => (unknown, NearestNames.Of(unknown, known) is [var nearest, ..] ? nearest : null));
    }
}
