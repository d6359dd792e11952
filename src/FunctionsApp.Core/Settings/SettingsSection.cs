using System.Collections;
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
/// its value, not the class. A setting that is a secret by its name is named without its value.
/// </summary>
/// <param name="name">The name of the section.</param>
/// <param name="options">The class of its options.</param>
public sealed class SettingsSection(string name, Type options) : ISettingNames
{
    private static readonly string[] Secrets = ["Connection", "Key", "Password", "Secret", "Token"];

    /// <inheritdoc/>
    public IEnumerable<string> Names => Properties.Select(NameOf);

    private IEnumerable<PropertyInfo> Properties =>
        options.GetProperties().Where(static property => property.SetMethod is { IsPublic: true } || IsList(property));

    /// <inheritdoc/>
    public IEnumerable<string> FindUnknown(IConfiguration configuration) =>
        configuration.GetSection(name).GetChildren().Select(static setting => setting.Path).Except(Names, StringComparer.OrdinalIgnoreCase);

    /// <summary>Returns what is invalid in bound options, a sentence each.</summary>
    /// <param name="bound">The options.</param>
    public IEnumerable<string> FindErrors(object bound)
    {
        // Loops, because this is part of each start: a query would have to be compiled first.
        var context = new ValidationContext(bound);
        foreach (var property in options.GetProperties())
        {
            foreach (ValidationAttribute rule in property.GetCustomAttributes(typeof(ValidationAttribute), inherit: true))
            {
                if (property.GetValue(bound) is var value && rule.GetValidationResult(value, context) != ValidationResult.Success)
                {
                    yield return Error(property, NameOf(property), Convert.ToString(value, CultureInfo.InvariantCulture), rule);
                }
            }
        }

        if (bound is IValidatableObject several)
        {
            foreach (var error in several.Validate(context))
            {
                yield return error.ErrorMessage!;
            }
        }
    }

    /// <summary>Binds the section to options.</summary>
    /// <param name="configuration">The app settings.</param>
    /// <param name="bind">Sets the options to the values of the section.</param>
    /// <exception cref="OptionsValidationException">A value is not of the type of its setting, or is not a list.</exception>
    public void Bind(IConfiguration configuration, Action<IConfiguration> bind)
    {
        var section = configuration.GetSection(name);
        try
        {
            bind(section);
        }
        catch (InvalidOperationException)
        {
            string[] errors = [.. FindUnreadable(section)];

            // The message of the exception would quote the value, which may be a secret.
            throw new OptionsValidationException(name, options, errors.Length > 0 ? errors : [$"{name} has a value of the wrong type."]);
        }

        foreach (var property in options.GetProperties())
        {
            if (IsList(property) && section.GetSection(property.Name) is { Value.Length: > 0 } list && !list.GetChildren().Any())
            {
                throw new OptionsValidationException(name, options, [$"{list.Path} is a list: set {list.Path}:0."]);
            }
        }
    }

    private IEnumerable<string> FindUnreadable(IConfigurationSection section) =>
        from property in Properties
        let setting = section.GetSection(property.Name)
        from value in setting.GetChildren().Prepend(setting)
        where value.Value is { } text && !CanRead(ElementOf(property), text)
        select Error(property, value.Path, value.Value, rule: null);

    private static string Error(PropertyInfo property, string setting, string? value, ValidationAttribute? rule) =>
        property.PropertyType != typeof(bool) && Secrets.Any(secret => setting.Contains(secret, StringComparison.OrdinalIgnoreCase))
            ? $"{setting} is invalid: it {Requirement(property, rule)}."
            : $"{setting} is '{Excerpt.Of(value ?? "")}': it {Requirement(property, rule)}.";

    private static string Requirement(PropertyInfo property, ValidationAttribute? rule) => rule switch
    {
        null or RangeAttribute => property.GetCustomAttribute<RangeAttribute>() is { } range
            ? string.Create(CultureInfo.InvariantCulture, $"must be {KindOf(property)} from {range.Minimum} to {range.Maximum}")
            : $"must be {KindOf(property)}",
        AllowedValuesAttribute allowed => $"must be {string.Join(" or ", allowed.Values.Select(static value => $"'{value}'"))}",
        RequiredAttribute => "must not be empty",
        _ => rule.ErrorMessage ?? $"must satisfy {rule.GetType().Name.Replace("Attribute", "", StringComparison.Ordinal)}",
    };

    private static string KindOf(PropertyInfo property) => ElementOf(property) switch
    {
        { IsEnum: true } names => string.Join(" or ", Enum.GetNames(names).Select(static value => $"'{value}'")),
        var type when type == typeof(bool) => "true or false",
        var type when type == typeof(int) || type == typeof(long) => "a whole number",
        var type when type == typeof(double) => "a number",
        var type when type == typeof(TimeSpan) => "a time such as 00:00:30",
        var type => $"a value of type {type.Name}",
    };

    private static bool CanRead(Type type, string text) => Type.GetTypeCode(type) switch
    {
        _ when type.IsEnum => Enum.TryParse(type, text, ignoreCase: true, out _),
        TypeCode.Boolean => bool.TryParse(text, out _),
        TypeCode.Int32 => int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out _),
        TypeCode.Int64 => long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out _),
        TypeCode.Double => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _),
        _ => TypeDescriptor.GetConverter(type) is var converter && (!converter.CanConvertFrom(typeof(string)) || converter.IsValid(text)),
    };

    private static bool IsList(PropertyInfo property) =>
        property.PropertyType != typeof(string) && typeof(IEnumerable).IsAssignableFrom(property.PropertyType);

    /// <summary>The type of a value, or of the elements of a list.</summary>
    private static Type ElementOf(PropertyInfo property)
    {
        var type = property.PropertyType;
        return Nullable.GetUnderlyingType(type)
            ?? (type.IsArray ? type.GetElementType() : type.IsGenericType ? type.GetGenericArguments()[^1] : null)
            ?? type;
    }

    private string NameOf(PropertyInfo property) => $"{name}:{property.Name}";
}
