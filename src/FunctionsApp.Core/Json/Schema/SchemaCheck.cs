using System.Text.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json.Schema;

/// <summary>
/// Checks UTF-8 text against a schema in one pass. A valid value costs no allocation. An invalid one is read again with
/// <see cref="ValidationErrors"/>, to list all its errors.
/// </summary>
internal ref struct SchemaCheck
{
    private readonly ValidationErrors? _errors;
    private readonly int _maxDepth;
    private readonly bool _refusesRepeated;
    private readonly ReadOnlySpan<byte> _utf8;
    private Utf8JsonReader _reader;
    private PlainIntegers _integers;

    private SchemaCheck(ReadOnlySpan<byte> utf8, int maxDepth, ValidationErrors? errors, bool refusesRepeated = false)
    {
        _errors = errors;
        _maxDepth = maxDepth;
        _refusesRepeated = refusesRepeated;
        _utf8 = utf8;
        _integers = new PlainIntegers(utf8);
        _reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = int.MaxValue });
    }

    /// <summary>Checks one JSON value.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="utf8">The text of the value.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest.</param>
    /// <returns>The errors, with pointers that start at the value; null if there are none.</returns>
    /// <exception cref="ProblemException"><c>malformed-json</c> or <c>too-large</c>: the text is not JSON, or nests too deep.</exception>
    public static ValidationErrors? Run(SchemaNode schema, ReadOnlySpan<byte> utf8, int maxDepth) => Run(schema, utf8, maxDepth, out _);

    /// <inheritdoc cref="Run(SchemaNode, ReadOnlySpan{byte}, int)"/>
    /// <param name="schema">The schema.</param>
    /// <param name="utf8">The text of the value.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest.</param>
    /// <param name="plain">What the framework can read instead of a valid text; null for the text itself.</param>
    public static ValidationErrors? Run(SchemaNode schema, ReadOnlySpan<byte> utf8, int maxDepth, out ReadOnlyMemory<byte>? plain)
    {
        var check = new SchemaCheck(utf8, maxDepth, errors: null);
        var passes = check.CheckDocument(schema);
        plain = passes ? check._integers.End() : null;
        return passes ? null : List(schema, utf8, maxDepth, refusesRepeated: false);
    }

    /// <summary>
    /// Lists the errors of a text: also names that appear more than once where any name may be, as dictionaries refuse them.
    /// </summary>
    public static ValidationErrors ListWithRepeated(SchemaNode schema, ReadOnlySpan<byte> utf8) =>
        List(schema, utf8, int.MaxValue, refusesRepeated: true);

    private static ValidationErrors List(SchemaNode schema, ReadOnlySpan<byte> utf8, int maxDepth, bool refusesRepeated)
    {
        var errors = new ValidationErrors();
        new SchemaCheck(utf8, maxDepth, errors, refusesRepeated: refusesRepeated).CheckDocument(schema);
        return errors;
    }

    /// <exception cref="ProblemException"><c>malformed-json</c> or <c>too-large</c>: the text is not JSON, or nests too deep.</exception>
    private bool CheckDocument(SchemaNode schema)
    {
        try
        {
            _reader.Read();
            var passes = Check(schema, _errors is null ? null : ValuePlace.At(""));

            // Reads the rest of the text too: a value that is followed by anything is not JSON.
            if (passes || _errors is not null)
            {
                _reader.Read();
            }

            return passes;
        }
        catch (JsonException)
        {
            throw JsonErrors.Of(_utf8);
        }
    }

    /// <summary>Checks the value that starts at the current token, and stops on its last token.</summary>
    private bool Check(SchemaNode schema, ValuePlace? place) => _reader.TokenType switch
    {
        _ when schema.IsAny && _errors is null => CheckAny(),
        JsonTokenType.StartObject =>
            schema.Allows(JsonKinds.Object) ? CheckObject(schema, place) : Reject(place, $"must be {schema.Describe()}, not an object"),
        JsonTokenType.StartArray =>
            schema.Allows(JsonKinds.Array) ? CheckArray(schema, place) : Reject(place, $"must be {schema.Describe()}, not an array"),
        JsonTokenType.String => schema.Allows(JsonKinds.String)
            ? Passes(ScalarCheck.String(in _reader, schema), place)
            : Reject(place, $"must be {schema.Describe()}, not a string"),
        JsonTokenType.Number => (schema.Kinds & JsonKinds.Number) != 0
            ? CheckNumber(schema, place)
            : Reject(place, $"must be {schema.Describe()}, not a number"),
        JsonTokenType.Null => schema.Allows(JsonKinds.Null) || Reject(place, $"must be {schema.Describe()}, not null"),
        _ => schema.Allows(JsonKinds.Boolean) || Reject(place, $"must be {schema.Describe()}, not a boolean"),
    };

    private bool CheckNumber(SchemaNode schema, ValuePlace? place)
    {
        if (ScalarCheck.Number(in _reader, schema, out var integer) is { } error)
        {
            return Passes(error, place);
        }

        if (integer is { } value && _errors is null)
        {
            _integers.Replace((int)_reader.TokenStartIndex, _reader.ValueSpan.Length, value);
        }

        return true;
    }

    /// <summary>Reads a value that only has to be JSON, without checking its structure: it may be a million items.</summary>
    private bool CheckAny()
    {
        var depth = _reader.CurrentDepth;
        do
        {
            switch (_reader.TokenType)
            {
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    EnsureDepth();
                    break;
                case JsonTokenType.String or JsonTokenType.PropertyName when !CheckUnicode(place: null):
                    return false;
            }
        }
        while ((_reader.CurrentDepth > depth || _reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            && _reader.Read());

        return true;
    }

    private bool CheckObject(SchemaNode schema, ValuePlace? place)
    {
        EnsureDepth();
        var passes = true;
        var seen = 0UL;
        var names = _refusesRepeated ? new HashSet<string>(StringComparer.Ordinal) : null;
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndObject)
        {
            passes &= CheckProperty(schema, place, ref seen, names);
            if (!passes && _errors is null)
            {
                return false;
            }
        }

        if ((seen & schema.Required) == schema.Required)
        {
            return passes;
        }

        for (var i = 0; _errors is not null && i < schema.Properties.Length; i++)
        {
            if (schema.Properties[i].Required && (seen & (1UL << i)) == 0)
            {
                _errors.Add(place!.Property(schema.Properties[i].Name), "is required");
            }
        }

        return false;
    }

    private bool CheckProperty(SchemaNode schema, ValuePlace? place, ref ulong seen, HashSet<string>? names)
    {
        if (!CheckUnicode(place))
        {
            _reader.Read();
            _reader.Skip();
            return false;
        }

        var index = schema.IndexOf(in _reader);
        var declared = index < schema.Properties.Length;
        var value = declared ? schema.Properties[index].Schema : schema.Additional;
        var child = place?.Property(_reader.GetString()!);
        _reader.Read();

        if (value is null)
        {
            var known = string.Join(", ", schema.Properties.Select(static property => property.Name));
            return Reject(child, $"is not a known property; known are {known}");
        }

        if ((declared && (seen & (1UL << index)) != 0) || names?.Add(child!.Name!) == false)
        {
            return Reject(child, "appears more than once");
        }

        seen |= declared ? 1UL << index : 0;
        return Check(value, child);
    }

    private bool CheckArray(SchemaNode schema, ValuePlace? place)
    {
        if (schema.IsAnyArray && _errors is null)
        {
            return CheckAny();
        }

        EnsureDepth();
        var passes = true;
        var count = 0;
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            passes &= Check(schema.Items, place?.Element(count));
            count++;
            if (!passes && _errors is null)
            {
                return false;
            }
        }

        if (schema.Kinds == JsonKinds.Any || (count >= schema.MinItems && count <= schema.MaxItems))
        {
            return passes;
        }

        _errors?.Add(place!, count > schema.MaxItems ? $"must have at most {schema.MaxItems} items"
            : schema.MinItems == 1 ? "must not be empty"
            : $"must have at least {schema.MinItems} items");
        return false;
    }

    private readonly bool CheckUnicode(ValuePlace? place) => Passes(ScalarCheck.Unicode(in _reader), place);

    /// <summary>Records an error, if there is one.</summary>
    private readonly bool Passes(string? error, ValuePlace? place)
    {
        if (error is not null)
        {
            _errors?.Add(place!, error);
        }

        return error is null;
    }

    private bool Reject(ValuePlace? place, string message)
    {
        // Skips the value and goes on: the rest of the text is checked as well, and must be JSON in any case.
        _errors?.Add(place!, message);
        _reader.Skip();
        return false;
    }

    private readonly void EnsureDepth()
    {
        if (_reader.CurrentDepth < _maxDepth)
        {
            return;
        }

        throw _maxDepth == CoreJson.MaxDepth
            ? new ProblemException(Problem.TooLarge(
                $"A value nests deeper than {_maxDepth} arrays and objects, the limit for values with references."))
            : JsonErrors.TooDeep(_utf8, (int)_reader.TokenStartIndex, _maxDepth);
    }
}
