using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>
/// Checks UTF-8 text against a schema in one pass. A valid value costs no allocation. An invalid one is read again with
/// <see cref="ValidationErrors"/>, to list all its errors.
/// </summary>
internal ref struct SchemaCheck
{
    private readonly ValidationErrors? _errors;
    private readonly int _maxDepth;
    private readonly bool _splits;
    private readonly ReadOnlySpan<byte> _utf8;
    private Utf8JsonReader _reader;

    /// <summary>Where in the text the reader began.</summary>
    private int _start;

    private SchemaCheck(ReadOnlySpan<byte> utf8, int maxDepth, ValidationErrors? errors, bool splits = false)
    {
        _errors = errors;
        _maxDepth = maxDepth;
        _splits = splits;
        _utf8 = utf8;
        _reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = int.MaxValue });
    }

    /// <summary>Checks one JSON value.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="utf8">The text of the value.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest.</param>
    /// <returns>The errors, with pointers that start at the value; null if there are none.</returns>
    /// <exception cref="JsonException">The text is not JSON.</exception>
    /// <exception cref="ProblemException"><c>too-large</c> if it nests too deep.</exception>
    public static ValidationErrors? Run(SchemaNode schema, ReadOnlySpan<byte> utf8, int maxDepth)
    {
        if (new SchemaCheck(utf8, maxDepth, errors: null).CheckDocument(schema))
        {
            return null;
        }

        var errors = new ValidationErrors();
        new SchemaCheck(utf8, maxDepth, errors).CheckDocument(schema);
        return errors;
    }

    /// <summary>Checks one JSON value, the text of <see cref="SourceText"/>, except for the elements of arrays that accept any: those are only split.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="utf8">The text of the value.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest.</param>
    /// <returns>False if anything is wrong; <see cref="Run"/> tells what.</returns>
    public static bool TrySplit(SchemaNode schema, ReadOnlySpan<byte> utf8, int maxDepth)
    {
        try
        {
            return new SchemaCheck(utf8, maxDepth, errors: null, splits: true).CheckDocument(schema);
        }
        catch (Exception exception) when (exception is JsonException or ProblemException)
        {
            return false;
        }
    }

    /// <summary>Checks a number or boolean and reads it in the same pass.</summary>
    /// <returns>False if it is invalid; <see cref="Run"/> lists the errors.</returns>
    /// <exception cref="JsonException">The text is not JSON.</exception>
    public static bool TryRead<T>(SchemaNode schema, ReadOnlySpan<byte> utf8, int maxDepth, JsonConverter<T> converter, [MaybeNullWhen(false)] out T value)
    {
        if (TryReadInteger(schema, utf8, out value))
        {
            return true;
        }

        var check = new SchemaCheck(utf8, maxDepth, errors: null);
        check._reader.Read();
        if (!check.Check(schema, place: null))
        {
            value = default;
            return false;
        }

        value = converter.Read(ref check._reader, typeof(T), CoreJson.Options)!;
        check._reader.Read();
        return true;
    }

    /// <summary>Checks and reads text that is only a 64-bit integer.</summary>
    /// <returns>False for any other text or type.</returns>
    public static bool TryReadInteger<T>(SchemaNode schema, ReadOnlySpan<byte> utf8, [MaybeNullWhen(false)] out T value)
    {
        if ((typeof(T) == typeof(long) || typeof(T) == typeof(Number)) && TryReadInteger(utf8, out var integer) && ScalarCheck.Fits(schema, integer))
        {
            value = typeof(T) == typeof(long) ? (T)(object)integer : (T)(object)(Number)integer;
            return true;
        }

        value = default;
        return false;
    }

    /// <summary>Reads text that is only a 64-bit integer, as most numbers are. JSON has no leading zeros and no plus sign.</summary>
    private static bool TryReadInteger(ReadOnlySpan<byte> utf8, out long integer)
    {
        var digits = utf8.StartsWith((byte)'-') ? utf8[1..] : utf8;
        integer = 0;
        return digits is [(byte)'0'] or [>= (byte)'1' and <= (byte)'9', ..]
            && Utf8Parser.TryParse(utf8, out integer, out var read)
            && read == utf8.Length;
    }

    private bool CheckDocument(SchemaNode schema)
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

    /// <summary>Checks the value that starts at the current token, and stops on its last token.</summary>
    private bool Check(SchemaNode schema, ValuePlace? place) => _reader.TokenType switch
    {
        _ when schema.IsAny && _errors is null => CheckAny(),
        JsonTokenType.StartObject => schema.Allows(JsonKinds.Object) ? CheckObject(schema, place) : Reject(place, $"must be {schema.Describe()}, not an object"),
        JsonTokenType.StartArray => schema.Allows(JsonKinds.Array) ? CheckArray(schema, place) : Reject(place, $"must be {schema.Describe()}, not an array"),
        JsonTokenType.String => schema.Allows(JsonKinds.String) ? Passes(ScalarCheck.String(in _reader, schema), place) : Reject(place, $"must be {schema.Describe()}, not a string"),
        JsonTokenType.Number => (schema.Kinds & JsonKinds.Number) != 0 ? Passes(ScalarCheck.Number(in _reader, schema), place) : Reject(place, $"must be {schema.Describe()}, not a number"),
        JsonTokenType.Null => schema.Allows(JsonKinds.Null) || Reject(place, $"must be {schema.Describe()}, not null"),
        _ => schema.Allows(JsonKinds.Boolean) || Reject(place, $"must be {schema.Describe()}, not a boolean"),
    };

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
        while ((_reader.CurrentDepth > depth || _reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray) && _reader.Read());

        return true;
    }

    /// <summary>Passes an array by splitting it, so that its elements, perhaps a million, are read only once: by those who take them.</summary>
    private bool SplitArray()
    {
        var start = (int)_reader.TokenStartIndex + _start;
        if (SourceText.Split(start, _maxDepth - _reader.CurrentDepth - 1) is not { } end)
        {
            return false;
        }

        _start = end;
        _reader = new Utf8JsonReader(_utf8[end..], isFinalBlock: true, _reader.CurrentState);
        return _reader.Read();
    }

    private bool CheckObject(SchemaNode schema, ValuePlace? place)
    {
        EnsureDepth();
        var passes = true;
        var seen = 0UL;
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndObject)
        {
            passes &= CheckProperty(schema, place, ref seen);
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

    private bool CheckProperty(SchemaNode schema, ValuePlace? place, ref ulong seen)
    {
        if (!CheckUnicode(place))
        {
            _reader.Read();
            _reader.Skip();
            return false;
        }

        var index = 0;
        while (index < schema.Properties.Length && !_reader.ValueTextEquals(schema.Properties[index].Utf8Name))
        {
            index++;
        }

        var declared = index < schema.Properties.Length;
        var value = declared ? schema.Properties[index].Schema : schema.Additional;
        var child = place?.Property(_reader.GetString()!);
        _reader.Read();

        if (value is null)
        {
            var names = schema.Properties.Select(static property => property.Name);
            return Reject(child, $"is not a known property; known are {string.Join(", ", names)}");
        }

        if (declared && (seen & (1UL << index)) != 0)
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
            return _splits ? SplitArray() : CheckAny();
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

        _errors?.Add(place!, count < schema.MinItems ? schema.MinItems == 1 ? "must not be empty" : $"must have at least {schema.MinItems} items" : $"must have at most {schema.MaxItems} items");
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
        if (_reader.CurrentDepth >= _maxDepth)
        {
            throw new ProblemException(Problem.TooLarge(_maxDepth == CoreJson.MaxDepth
                ? $"A value nests deeper than {_maxDepth} arrays and objects, the limit for values that references put together."
                : $"The body nests deeper than {_maxDepth} arrays and objects (Limits:MaxDepth), at byte {_reader.TokenStartIndex}."));
        }
    }
}
