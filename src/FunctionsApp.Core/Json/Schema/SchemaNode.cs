using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FunctionsApp.Core.Json.Schema;

/// <summary>The kinds of JSON value that a schema may allow.</summary>
[Flags]
internal enum JsonKinds
{
    Object = 1,
    Array = 2,
    String = 4,
    Integer = 8,
    Fraction = 16,
    Number = Integer | Fraction,
    Boolean = 32,
    Null = 64,
    Any = Object | Array | String | Number | Boolean | Null,
}

/// <summary>
/// One node of a JSON Schema, compiled for <see cref="SchemaCheck"/>. It supports the keywords that
/// <see cref="JsonContract{T}"/> publishes, so the schema that the catalog shows is enforced.
/// </summary>
internal sealed class SchemaNode
{
    /// <summary>The schema that accepts every value.</summary>
    public static readonly SchemaNode Any = new(JsonValue.Create(true));

    /// <summary>The bounds of integers, which doubles cannot hold exactly.</summary>
    private readonly Int128 _minimum;
    private readonly Int128 _maximum;

    /// <summary>The format of a string, for descriptions only.</summary>
    private readonly string? _format;

    public SchemaNode(JsonNode? schema)
        : this(schema, "#", new Dictionary<string, SchemaNode>(StringComparer.Ordinal))
    {
    }

    /// <param name="schema">The schema.</param>
    /// <param name="pointer">Where it is in the whole schema, as <c>$ref</c> writes it.</param>
    /// <param name="nodes">The nodes so far, by their pointers: a recursive schema refers to them.</param>
    private SchemaNode(JsonNode? schema, string pointer, Dictionary<string, SchemaNode> nodes)
    {
        nodes[pointer] = this;
        if (schema is not JsonObject keywords)
        {
            // The schema "true". "false" would be a property that accepts nothing, and does not occur.
            Kinds = JsonKinds.Any;
            Items = this;
            Additional = this;
            return;
        }

        Kinds = ReadKinds(keywords);
        AllowedValues = (keywords["enum"] as JsonArray)?.Select(static value => value?.GetValue<string>()).OfType<string>().ToArray();
        Minimum = Bound(keywords["minimum"]) ?? double.NegativeInfinity;
        Maximum = Bound(keywords["maximum"]) ?? double.PositiveInfinity;
        _minimum = IntegerBound(keywords["minimum"], Math.Ceiling(Minimum)) ?? long.MinValue;
        _maximum = IntegerBound(keywords["maximum"], Math.Floor(Maximum)) ?? long.MaxValue;
        IsBase64 = keywords["contentEncoding"]?.GetValue<string>() is "base64";
        _format = keywords["format"]?.GetValue<string>()
            ?? (keywords["pattern"] is { } pattern ? $"pattern {pattern.GetValue<string>()}" : null);
        MinLength = keywords["minLength"]?.GetValue<int>() ?? 0;
        MaxLength = keywords["maxLength"]?.GetValue<int>() ?? int.MaxValue;
        MinItems = keywords["minItems"]?.GetValue<int>() ?? 0;
        MaxItems = keywords["maxItems"]?.GetValue<int>() ?? int.MaxValue;
        Items = keywords["items"] is { } items ? Compile(items, pointer + "/items", nodes) : Any;

        if (keywords["properties"] is JsonObject properties)
        {
            var required = (keywords["required"] as JsonArray)?.Select(static name => name!.GetValue<string>())
                .ToHashSet(StringComparer.Ordinal) ?? [];
            Properties = [.. properties.Select(property => new SchemaProperty(
                property.Key, Compile(property.Value, $"{pointer}/properties/{property.Key}", nodes), required.Contains(property.Key)))];
            if (Properties.Length > 64)
            {
                throw new NotSupportedException("A record with more than 64 properties cannot be checked.");
            }

            Required = Properties.Index().Where(static property => property.Item.Required)
                .Aggregate(0UL, static (bits, property) => bits | (1UL << property.Index));
        }

        Additional = keywords["additionalProperties"] switch
        {
            JsonValue value when value.TryGetValue(out bool allowed) && !allowed => null,
            { } additional => Compile(additional, pointer + "/additionalProperties", nodes),
            null => Any,
        };
    }

    public JsonKinds Kinds { get; }

    /// <summary>The properties of an object, in the order of their declaration.</summary>
    public SchemaProperty[] Properties { get; } = [];

    /// <summary>A bit for each required property of <see cref="Properties"/>.</summary>
    public ulong Required { get; }

    /// <summary>The schema of undeclared properties; null if there may be none.</summary>
    public SchemaNode? Additional { get; }

    public SchemaNode Items { get; }

    public string[]? AllowedValues { get; }

    public double Minimum { get; }

    public double Maximum { get; }

    /// <summary>Whether strings must be base64 (RFC 4648, section 4).</summary>
    public bool IsBase64 { get; }

    public int MinLength { get; }

    public int MaxLength { get; }

    public int MinItems { get; }

    public int MaxItems { get; }

    /// <summary>Whether every value is valid.</summary>
    public bool IsAny => Kinds == JsonKinds.Any && AllowedValues is null && Properties.Length == 0 && Additional is not null;

    /// <summary>Whether every array is valid, whatever its length and content.</summary>
    public bool IsAnyArray => Items.IsAny && MinItems == 0 && MaxItems == int.MaxValue;

    public bool Allows(JsonKinds kinds) => (Kinds & kinds) == kinds;

    /// <summary>Returns whether an integer is within the bounds.</summary>
    public bool Fits(Int128 integer) => integer >= _minimum && integer <= _maximum;

    /// <summary>Returns the index of the property whose name a reader is at; the number of properties if there is none.</summary>
    public int IndexOf(ref readonly Utf8JsonReader reader)
    {
        var index = 0;
        while (index < Properties.Length && !reader.ValueTextEquals(Properties[index].Utf8Name))
        {
            index++;
        }

        return index;
    }

    /// <summary>Returns the schema of the value at a pointer; null if there is none.</summary>
    /// <param name="tokens">The tokens of the pointer.</param>
    public SchemaNode? Find(ReadOnlySpan<string> tokens)
    {
        var node = this;
        foreach (var token in tokens)
        {
            node = node.Allows(JsonKinds.Array) && !node.Allows(JsonKinds.Object) ? node.Items
                : node.Properties.FirstOrDefault(property => string.Equals(property.Name, token, StringComparison.Ordinal))?.Schema
                    ?? node.Additional;
            if (node is null)
            {
                return null;
            }
        }

        return node;
    }

    /// <summary>Returns what the schema requires, worded to follow "must be".</summary>
    public string Describe()
    {
        if (AllowedValues is not null)
        {
            return "one of " + string.Join(", ", AllowedValues.Select(static value => $"'{value}'"));
        }

        var names = new List<string>();
        AddIf(JsonKinds.Object, "an object");
        AddIf(JsonKinds.Array, "an array");
        AddIf(JsonKinds.String, IsBase64 ? "base64 text (RFC 4648, section 4)"
            : _format is not null && (Kinds & JsonKinds.Number) == 0 ? $"a string of format {_format}"
            : "a string");
        if ((Kinds & JsonKinds.Number) != 0)
        {
            names.Add((Allows(JsonKinds.Number) ? "a number" : "an integer") + DescribeRange());
        }

        AddIf(JsonKinds.Boolean, "true or false");
        return names.Count == 0 ? "null" : string.Join(" or ", names);

        void AddIf(JsonKinds kind, string name)
        {
            if (Allows(kind))
            {
                names.Add(name);
            }
        }
    }

    private static SchemaNode Compile(JsonNode? schema, string pointer, Dictionary<string, SchemaNode> nodes) =>
        (schema as JsonObject)?["$ref"] is { } reference && nodes.TryGetValue(reference.GetValue<string>(), out var node)
            ? node
            : new SchemaNode(schema, pointer, nodes);

    private static JsonKinds ReadKinds(JsonObject keywords)
    {
        static JsonKinds Parse(JsonNode? name) => name!.GetValue<string>() switch
        {
            "object" => JsonKinds.Object,
            "array" => JsonKinds.Array,
            "string" => JsonKinds.String,
            "integer" => JsonKinds.Integer,
            "number" => JsonKinds.Number,
            "boolean" => JsonKinds.Boolean,
            _ => JsonKinds.Null,
        };

        return keywords["type"] switch
        {
            JsonArray several => several.Aggregate((JsonKinds)0, static (kinds, name) => kinds | Parse(name)),
            { } one => Parse(one),
            null when keywords["enum"] is JsonArray values => JsonKinds.String | (values.Contains(null) ? JsonKinds.Null : 0),
            _ => JsonKinds.Any,
        };
    }

    private static double? Bound(JsonNode? keyword) =>
        keyword is null ? null : double.Parse(keyword.ToJsonString(), CultureInfo.InvariantCulture);

    private static Int128? IntegerBound(JsonNode? keyword, double rounded) =>
        keyword is null ? null
        : Int128.TryParse(keyword.ToJsonString(), ScalarCheck.Integer, CultureInfo.InvariantCulture, out var exact) ? exact
        : Int128.CreateSaturating(rounded);

    private string DescribeRange()
    {
        if (!Allows(JsonKinds.Number) && _minimum == long.MinValue && _maximum == long.MaxValue)
        {
            return " of at most 64 bits";
        }

        var minimum = Format(Minimum, _minimum);
        var maximum = Format(Maximum, _maximum);
        return (double.IsFinite(Minimum), double.IsFinite(Maximum)) switch
        {
            (false, false) => "",
            (true, false) => $" of at least {minimum}",
            (false, true) => $" of at most {maximum}",
            (true, true) => $" from {minimum} to {maximum}",
        };

        // A double shows a large integer rounded.
        static string Format(double bound, Int128 integer) =>
            (double)integer == bound ? integer.ToString(CultureInfo.InvariantCulture) : bound.ToString(CultureInfo.InvariantCulture);
    }
}

/// <summary>A declared property of an object schema.</summary>
internal sealed record SchemaProperty(string Name, SchemaNode Schema, bool Required)
{
    public byte[] Utf8Name { get; } = Encoding.UTF8.GetBytes(Name);

    /// <summary>The name as JSON writes it between quotes.</summary>
    public JsonEncodedText EncodedName { get; } = JsonEncodedText.Encode(Name);
}
