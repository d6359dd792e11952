using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;

namespace FunctionsApp.Core.Json.Schema;

/// <summary>
/// Checks the string or number at a reader's position against the keywords of a schema that allows its kind. Each check
/// returns the error, worded to follow its pointer, or null if the value passes.
/// </summary>
internal static class ScalarCheck
{
    /// <summary>The error of a string or name that is not Unicode text.</summary>
    public const string NotUnicode = "has half of a surrogate pair, which is not valid Unicode text";

    /// <summary>
    /// How JSON writes an integer: 30, 30.0, 3e1, 300e-1. JSON Schema (2020-12, validation 6.1.1) calls a number without a fraction an
    /// integer.
    /// </summary>
    public const NumberStyles Integer = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    /// <summary>The maximum bytes of one character in JSON: a surrogate pair, both halves escaped.</summary>
    private const int MaxBytesPerCharacter = 12;

    /// <summary>
    /// Checks that a string is Unicode text, one of the values that the schema allows, and neither too short nor too long.
    /// </summary>
    public static string? String(ref readonly Utf8JsonReader reader, SchemaNode schema)
    {
        if (Unicode(in reader) is { } error)
        {
            return error;
        }

        if (schema.Kinds == JsonKinds.Any)
        {
            return null;
        }

        if (schema.AllowedValues is { } allowed && !IsOneOf(in reader, allowed))
        {
            return $"must be {schema.Describe()}";
        }

        if (schema.IsBase64 && !IsBase64(in reader))
        {
            return $"must be {schema.Describe()}";
        }

        // Only text near a limit is decoded to be measured.
        var bytes = reader.ValueSpan.Length;
        if (bytes >= (long)schema.MinLength * MaxBytesPerCharacter && bytes <= schema.MaxLength)
        {
            return null;
        }

        var length = reader.GetString()!.EnumerateRunes().Count();
        return length > schema.MaxLength ? $"must be at most {schema.MaxLength} characters long"
            : length >= schema.MinLength ? null
            : schema.MinLength == 1 ? "must not be empty"
            : $"must be at least {schema.MinLength} characters long";
    }

    /// <summary>Checks that a number is within the bounds of the schema, and an integer where the schema asks for one.</summary>
    /// <param name="reader">A reader at a number.</param>
    /// <param name="schema">The schema.</param>
    /// <param name="integer">The value of an integer that the schema asks for, if it is not written as digits: 3.0, 3e2.</param>
    public static string? Number(ref readonly Utf8JsonReader reader, SchemaNode schema, out Int128? integer)
    {
        integer = null;

        // A value that only has to be JSON may be a number of any size: it is passed on as written.
        if (schema.Kinds == JsonKinds.Any)
        {
            return null;
        }

        if (reader.TryGetInt64(out var digits))
        {
            return schema.Fits(digits) ? null : $"must be {schema.Describe()}";
        }

        if (schema.Allows(JsonKinds.Number))
        {
            var value = reader.GetDouble();
            var isWithin = value >= schema.Minimum && value <= schema.Maximum;
            return isWithin && double.IsFinite(value) ? null
                : $"must be {schema.Describe()}"
                    + (isWithin ? string.Create(CultureInfo.InvariantCulture, $", and at most {double.MaxValue:R} in size") : "");
        }

        if (!Int128.TryParse(reader.ValueSpan, Integer, CultureInfo.InvariantCulture, out var exact) || !schema.Fits(exact))
        {
            return $"must be {schema.Describe()}";
        }

        integer = exact;
        return null;
    }

    /// <summary>
    /// Checks that a string or name is Unicode text. JSON can escape half of a surrogate pair, which cannot be decoded or written again.
    /// </summary>
    public static string? Unicode(ref readonly Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped || reader.ValueSpan.IndexOf("\\u"u8) < 0)
        {
            return null;
        }

        try
        {
            _ = reader.GetString();
            return null;
        }
        catch (InvalidOperationException)
        {
            return NotUnicode;
        }
    }

    private static bool IsBase64(ref readonly Utf8JsonReader reader) =>
        reader.ValueIsEscaped ? Base64.IsValid(reader.GetString()) : Base64.IsValid(reader.ValueSpan);

    private static bool IsOneOf(ref readonly Utf8JsonReader reader, string[] allowed)
    {
        foreach (var value in allowed)
        {
            if (reader.ValueTextEquals(value))
            {
                return true;
            }
        }

        return false;
    }
}
