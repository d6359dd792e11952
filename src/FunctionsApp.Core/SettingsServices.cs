using FunctionsApp.Core.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registration of settings.</summary>
public static class SettingsServices
{
    /// <summary>
    /// Adds the options of a section. They are checked at startup, by their validation attributes and <c>IValidatableObject</c>. An
    /// unknown name in the section is a warning. The <c>ErrorMessage</c> of an attribute continues the sentence "it …", such as "must be
    /// two letters".
    /// </summary>
    /// <typeparam name="T">The class of the options.</typeparam>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">The app settings.</param>
    /// <param name="section">The name of the section.</param>
    /// <param name="bind">
    /// Sets the options to the values of the section: <c>static (section, options) => section.Bind(options)</c>. Written by the caller, so
    /// that code is generated for it.
    /// </param>
    public static OptionsBuilder<T> AddSettings<T>(
        this IServiceCollection services, IConfiguration configuration, string section, Action<IConfiguration, T> bind)
        where T : class
    {
        var settings = new SettingsSection(section, typeof(T));
        return services
            .AddSingleton<ISettingNames>(settings)
            .AddSingleton<IValidateOptions<T>>(new SettingsValidator<T>(settings))
            .AddOptions<T>()
            .Configure(options => settings.Bind(configuration, values => bind(values, options)))
            .ValidateOnStart();
    }

    private sealed class SettingsValidator<T>(SettingsSection settings) : IValidateOptions<T>
        where T : class
    {
        public ValidateOptionsResult Validate(string? name, T options)
        {
            string[] errors = [.. settings.FindErrors(options)];
            return errors.Length > 0 ? ValidateOptionsResult.Fail(errors) : ValidateOptionsResult.Success;
        }
    }
}
