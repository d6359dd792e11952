using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace FunctionsApp.Core.Json.Schema;

/// <summary>Derives JSON Schemas from types: the framework's schemas, completed from the attributes of a record's properties.</summary>
public static class JsonSchemas
{
    /// <summary>Returns the JSON Schema (2020-12) for reading a type: optional properties may also be null.</summary>
    /// <param name="type">The type.</param>
    /// <param name="stand">Returns what replaces a nested type, such as a reference; null to keep the type's own schema.</param>
    public static JsonNode OfInput(Type type, Func<Type, JsonNode?>? stand = null) => Of(type, CompleteInput, stand);

    /// <summary>
    /// Returns the JSON Schema (2020-12) for writing a type: a property that is null is omitted, and every other one is
    /// present.
    /// </summary>
    /// <inheritdoc cref="OfInput"/>
    public static JsonNode OfOutput(Type type, Func<Type, JsonNode?>? stand = null) => Of(type, CompleteOutput, stand);

    private static JsonNode Of(Type type, Func<JsonSchemaExporterContext, JsonNode, JsonNode> complete, Func<Type, JsonNode?>? stand) =>
        CoreJson.Options.GetJsonSchemaAsNode(type, new JsonSchemaExporterOptions
        {
            TreatNullObliviousAsNonNullable = true,
            TransformSchemaNode = (context, schema) => context.Path.Length > 0 && stand?.Invoke(context.TypeInfo.Type) is { } other
                ? AllowsNull(schema) ? new JsonObject { ["anyOf"] = new JsonArray(other, new JsonObject { ["type"] = "null" }) } : other
                : complete(context, schema),
        });

    /// <summary>Returns the properties of a record that its schema has, each with the object that has their schemas.</summary>
    private static IEnumerable<(JsonObject Schemas, JsonPropertyInfo Property)> PropertiesOf(
        JsonSchemaExporterContext context, JsonNode schema) => (schema as JsonObject)?["properties"] is JsonObject schemas
        ? context.TypeInfo.Properties.Where(property => schemas.ContainsKey(property.Name)).Select(property => (schemas, property))
        : [];

    /// <summary>Completes the schema of a record; other schemas stay as they are.</summary>
    private static JsonNode Complete(JsonSchemaExporterContext context, JsonNode schema)
    {
        // Not per property: the exporter skips a property that accepts anything and has a default.
        foreach (var (properties, property) in PropertiesOf(context, schema))
        {
            properties[property.Name] = Complete(property, properties[property.Name]!);
        }

        if (schema is JsonObject keywords && keywords["enum"] is JsonArray values)
        {
            // The exporter gives names without a type.
            keywords.TryAdd("type", values.Contains(null) ? new JsonArray("string", "null") : "string");
        }

        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        if (type == typeof(long))
        {
            // Without it generators take 32 bits.
            schema["format"] = "int64";
        }
        else if (type == typeof(byte[]) || type == typeof(ReadOnlyMemory<byte>) || type == typeof(Memory<byte>))
        {
            schema["contentEncoding"] = "base64";
        }

        return OfConverter(context.TypeInfo.Type) ?? schema;
    }

    /// <summary>Also tells the bounds of the number types that refuse other numbers.</summary>
    private static JsonNode CompleteInput(JsonSchemaExporterContext context, JsonNode schema)
    {
        schema = Complete(context, schema);
        foreach (var (properties, property) in PropertiesOf(context, schema))
        {
            AddBounds(property.PropertyType, properties[property.Name]!);
        }

        // A property has those of its attributes, if it has any.
        if (context.PropertyInfo is null)
        {
            AddBounds(context.TypeInfo.Type, schema);
        }

        return schema;
    }

    /// <summary>Adds the bounds of a number type that refuses other numbers: all but double.</summary>
    private static void AddBounds(Type type, JsonNode schema)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        type = type.IsEnum ? type.GetEnumUnderlyingType() : type;
        if (Type.GetTypeCode(type) is >= TypeCode.SByte and <= TypeCode.Decimal and not TypeCode.Double
            && schema is JsonObject keywords && !keywords.ContainsKey("enum"))
        {
            keywords.TryAdd("minimum", Bound(nameof(int.MinValue)));
            keywords.TryAdd("maximum", Bound(nameof(int.MaxValue)));
        }

        JsonNode Bound(string field) =>
            JsonNode.Parse(Convert.ToString(type.GetField(field)!.GetValue(null), CultureInfo.InvariantCulture)!)!;
    }

    private static JsonNode CompleteOutput(JsonSchemaExporterContext context, JsonNode schema)
    {
        schema = Complete(context, schema);
        var required = new JsonArray();
        foreach (var (properties, property) in PropertiesOf(context, schema))
        {
            var isWrittenAsNull = IsWrittenAsNull(property);
            if (isWrittenAsNull || !property.IsGetNullable)
            {
                required.Add(property.Name);
            }

            if (!isWrittenAsNull && properties[property.Name] is JsonObject keywords)
            {
                DropNull(keywords);
            }
        }

        if ((schema as JsonObject)?["properties"] is not null)
        {
            schema["required"] = required;
        }

        return schema;
    }

    private static bool IsWrittenAsNull(JsonPropertyInfo property) => property.AttributeProvider?
        .GetCustomAttributes(typeof(JsonIgnoreAttribute), inherit: true) is [JsonIgnoreAttribute { Condition: JsonIgnoreCondition.Never }];

    private static bool AllowsNull(JsonNode schema) => (schema as JsonObject)?["type"] is JsonArray types && types.Any(IsNull);

    private static bool IsNull(JsonNode? type) => type?.GetValueKind() == JsonValueKind.String && type.GetValue<string>() is "null";

    private static void DropNull(JsonObject schema)
    {
        if (schema["type"] is JsonArray types)
        {
            types.RemoveAll(IsNull);
            schema["type"] = types is [var only] ? only!.DeepClone() : types.DeepClone();
        }

        if (schema["enum"] is JsonArray values)
        {
            values.RemoveAll(static value => value is null);
        }

        if (schema["default"] is null)
        {
            schema.Remove("default");
        }

        if (schema["anyOf"] is JsonArray and [JsonObject other, JsonObject last] && IsNull(last["type"]))
        {
            schema.Remove("anyOf");
            foreach (var (keyword, value) in other)
            {
                schema.TryAdd(keyword, value?.DeepClone());
            }
        }
    }

    private static JsonNode Complete(JsonPropertyInfo property, JsonNode schema)
    {
        var keywords = schema as JsonObject ?? new JsonObject();
        foreach (var (keyword, value) in OfConverter(property.PropertyType) ?? new JsonObject())
        {
            keywords[keyword] = value?.DeepClone();
        }

        foreach (var attribute in property.AttributeProvider?.GetCustomAttributes(inherit: true) ?? [])
        {
            Apply(keywords, attribute);
        }

        return keywords.Count == 0 ? schema.DeepClone() : keywords.DeepClone();
    }

    /// <summary>Returns the schema of a type that has a converter, which the exporter does not cover.</summary>
    private static JsonObject? OfConverter(Type type) =>
        type == typeof(Number) ? new JsonObject { ["type"] = "number" }
        : type == typeof(Number?) ? new JsonObject { ["type"] = new JsonArray("number", "null") }
        : type.IsAssignableTo(typeof(IJsonArray)) || type == typeof(IReadOnlyList<ReadOnlyMemory<byte>>)
            ? new JsonObject { ["type"] = "array" }
        : null;

    private static void Apply(JsonObject schema, object attribute)
    {
        switch (attribute)
        {
            case DescriptionAttribute description:
                schema["description"] = description.Description;
                break;
            case RangeAttribute range:
                schema["minimum"] = Bound(range.Minimum);
                schema["maximum"] = Bound(range.Maximum);
                break;
            case LengthAttribute length:
                SetLength(schema, length.MinimumLength, length.MaximumLength);
                break;
            case MinLengthAttribute length:
                SetLength(schema, length.Length, null);
                break;
            case MaxLengthAttribute length:
                SetLength(schema, null, length.Length);
                break;
            case AllowedValuesAttribute allowed:
                var values = allowed.Values.Select(static value => (JsonNode?)(value as string));
                schema["enum"] = new JsonArray([.. AllowsNull(schema) ? values.Append(null) : values]);
                break;
            case DefaultValueAttribute { Value: { } value }:
                schema["default"] = JsonSerializer.SerializeToNode(value, value.GetType(), CoreJson.Options);
                break;
        }
    }

    private static JsonNode Bound(object bound) => bound switch
    {
        string text => JsonNode.Parse(text)!,
        int integer => JsonValue.Create(integer),
        _ => JsonValue.Create(Convert.ToDouble(bound, CultureInfo.InvariantCulture)),
    };

    private static void SetLength(JsonObject schema, int? minimum, int? maximum)
    {
        var isArray = schema["items"] is not null;
        if (minimum is not null)
        {
            schema[isArray ? "minItems" : "minLength"] = minimum;
        }

        if (maximum is not null)
        {
            schema[isArray ? "maxItems" : "maxLength"] = maximum;
        }
    }
}
