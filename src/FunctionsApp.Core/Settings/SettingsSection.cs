using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Settings;

/// <summary>
/// A section of the settings. Its options class has the names of the settings, their types and their ranges: an error names the setting and
/// its value, not the class. Only settings whose names say that they hold a secret are named without their value.
/// </summary>
/// <param name="name">The name of the section.</param>
/// <param name="options">The class of its options.</param>
public sealed class SettingsSection(string name, Type options) : ISettingNames
{
    private static readonly string[] Secrets = ["Connection", "Key", "Password", "Secret", "Token"];

    /// <inheritdoc/>
    public IEnumerable<string> Names => Properties.Select(NameOf);

    private IEnumerable<PropertyInfo> Properties =>
        options.GetProperties().Where(static property => property.SetMethod is { IsPublic: true });

    /// <inheritdoc/>
    public IEnumerable<string> FindUnknown(IConfiguration configuration) =>
        configuration.GetSection(name).GetChildren().Select(static setting => setting.Path).Except(Names, StringComparer.OrdinalIgnoreCase);

    /// <summary>Returns what is invalid in bound options, a sentence each.</summary>
    /// <param name="bound">The options.</param>
    public IEnumerable<string> FindErrors(object bound)
    {
        // Loops, because this is part of each start: a query would have to be compiled first.
        foreach (var property in options.GetProperties())
        {
            foreach (ValidationAttribute rule in property.GetCustomAttributes(typeof(ValidationAttribute), inherit: true))
            {
                if (property.GetValue(bound) is var value && !rule.IsValid(value))
                {
                    yield return Error(property, NameOf(property), Convert.ToString(value, CultureInfo.InvariantCulture), rule);
                }
            }
        }

        if (bound is IValidatableObject several)
        {
            foreach (var error in several.Validate(new ValidationContext(bound)))
            {
                yield return error.ErrorMessage!;
            }
        }
    }

    /// <summary>Binds the section to options.</summary>
    /// <param name="configuration">The app settings.</param>
    /// <param name="bind">Sets the options to the values of the section.</param>
    /// <exception cref="OptionsValidationException">A value is not of the type of its setting.</exception>
    public void Bind(IConfiguration configuration, Action<IConfiguration> bind)
    {
        var section = configuration.GetSection(name);
        try
        {
            bind(section);
        }
        catch (InvalidOperationException exception)
        {
            string[] errors = [.. FindUnreadable(section)];
            throw new OptionsValidationException(name, options, errors.Length > 0 ? errors : [exception.Message]);
        }
    }

    private IEnumerable<string> FindUnreadable(IConfigurationSection section) =>
        from property in Properties
        let setting = section.GetSection(property.Name)
        from value in setting.GetChildren().Prepend(setting)
        where value.Value is { } text && !CanRead(ElementOf(property), text)
        select Error(property, value.Path, value.Value, rule: null);

    private static string Error(PropertyInfo property, string setting, string? value, ValidationAttribute? rule) =>
        Secrets.Any(secret => setting.Contains(secret, StringComparison.OrdinalIgnoreCase))
            ? $"{setting} is invalid: it {Requirement(property, rule)}."
            : $"{setting} is '{Excerpt.Of(value ?? "")}': it {Requirement(property, rule)}.";

    private static string Requirement(PropertyInfo property, ValidationAttribute? rule) => rule switch
    {
        null or RangeAttribute => property.GetCustomAttribute<RangeAttribute>() is { } range
            ? string.Create(CultureInfo.InvariantCulture, $"must be {KindOf(property)} from {range.Minimum} to {range.Maximum}")
            : $"must be {KindOf(property)}",
        AllowedValuesAttribute allowed => $"must be {string.Join(" or ", allowed.Values.Select(static value => $"'{value}'"))}",
        RequiredAttribute => "must not be empty",
        _ => rule.ErrorMessage ?? "must have another value",
    };

    private static string KindOf(PropertyInfo property) => Type.GetTypeCode(ElementOf(property)) switch
    {
        TypeCode.Boolean => "true or false",
        TypeCode.Int32 or TypeCode.Int64 => "a whole number",
        TypeCode.Double => "a number",
        _ => "another value",
    };

    private static bool CanRead(Type type, string text) => Type.GetTypeCode(type) switch
    {
        TypeCode.Boolean => bool.TryParse(text, out _),
        TypeCode.Int32 => int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out _),
        TypeCode.Int64 => long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out _),
        TypeCode.Double => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _),
        _ => TypeDescriptor.GetConverter(type).IsValid(text),
    };

    /// <summary>The type of a value, or of the elements of an array.</summary>
    private static Type ElementOf(PropertyInfo property)
    {
        var type = property.PropertyType;
        return Nullable.GetUnderlyingType(type)
            ?? (type.IsArray ? type.GetElementType() : type.IsGenericType ? type.GetGenericArguments()[0] : null)
            ?? type;
    }

    private string NameOf(PropertyInfo property) => $"{name}:{property.Name}";
}
