using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Operations;
using Json.Schema;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Json.Schema;

/// <summary>
/// Our check beside JsonSchema.Net, which is independent of it: of the schemas that we publish, both must say the same of
/// every value. The exceptions are by design, and the last test lists them; no generated value is one of them.
/// </summary>
public sealed class SchemaOracleTests
{
    private const int Values = 2_000;

    private static readonly SortedDictionary<string, JsonNode> Schemas = ReadSchemas();

    public static TheoryData<string> Names => [.. Schemas.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Both_validators_agree(string name)
    {
        var (ours, oracle) = (new SchemaNode(Schemas[name]), JsonSchema.FromText(Schemas[name].ToJsonString()));
        var random = new Random(Seed: 14);
        var (valid, invalid) = (0, 0);
        for (var i = 0; i < Values; i++)
        {
            var json = new Generator(random).Value(Schemas[name]);
            var expected = oracle.Evaluate(JsonElement.Parse(json)).IsValid;

            Assert.True(expected == IsValid(ours, json), $"JsonSchema.Net says {(expected ? "valid" : "invalid")}, we do not: {json}");
            (valid, invalid) = expected ? (valid + 1, invalid) : (valid, invalid + 1);
        }

        // Or the two would agree on too little.
        Assert.InRange(valid, Values / 50, Values);
        Assert.InRange(invalid, Values / 50, Values);
    }

    [Theory]

    // JSON Schema knows numbers of any size. The operations compute with 64 bits, and would compute with another number.
    [InlineData("""{"type":"integer"}""", "9223372036854775808")]
    [InlineData("""{"type":"number"}""", "1e999")]

    // JSON Schema does not look into encoded text.
    [InlineData("""{"type":"string","contentEncoding":"base64"}""", "\"?\"")]

    // JSON Schema leaves open what a repeated name means; the client would not know which value counts.
    [InlineData("""{"type":"object","properties":{"a":{"type":"boolean"}}}""", """{"a":true,"a":false}""")]
    public void Values_that_only_JSON_Schema_accepts(string schema, string json)
    {
        Assert.True(JsonSchema.FromText(schema).Evaluate(JsonElement.Parse(json)).IsValid);
        Assert.False(IsValid(new SchemaNode(JsonNode.Parse(schema)), json));
    }

    private static bool IsValid(SchemaNode schema, string json) => SchemaCheck.Run(schema, Encoding.UTF8.GetBytes(json), CoreJson.MaxDepth) is null;

    private static SortedDictionary<string, JsonNode> ReadSchemas()
    {
        using var services = TestServices.Create();
        var schemas = new SortedDictionary<string, JsonNode>(StringComparer.Ordinal) { ["(sample)"] = Samples.Contract.Schema };
        foreach (var operation in services.GetRequiredService<OperationCatalog>().All)
        {
            schemas.Add(operation.Name, operation.InputSchema);
        }

        return schemas;
    }

    /// <summary>Writes values that mostly fit a schema, and miss it by little where they do not.</summary>
    private sealed class Generator(Random random)
    {
        private static readonly string[] Kinds = ["object", "array", "string", "integer", "number", "boolean", "null"];

        // A letter of one byte, of two, of a surrogate pair; escaped ones; what has to be escaped.
        private static readonly string[] Characters = ["a", "Z", "7", "é", "😀", "\\u0061", "\\ud83d\\ude00", "\\\"", "\\\\", "\\n"];

        public string Value(JsonNode? schema)
        {
            var keywords = schema as JsonObject ?? [];
            if (keywords["enum"] is JsonArray values && random.Next(4) > 0)
            {
                return values[random.Next(values.Count)]?.ToJsonString() ?? "null";
            }

            var kind = random.Next(40) == 0 ? Pick(Kinds) : keywords["type"] switch
            {
                JsonArray several => several[random.Next(several.Count)]!.GetValue<string>(),
                { } one => one.GetValue<string>(),
                null => Pick(keywords["enum"] is null ? Kinds : ["string"]),
            };
            return kind switch
            {
                "object" => ObjectOf(keywords),
                "array" => $"[{string.Join(',', Enumerable.Range(0, Count(keywords, "minItems", "maxItems")).Select(_ => Value(keywords["items"] ?? new JsonObject { ["type"] = "integer" })))}]",
                "string" when keywords["contentEncoding"] is not null => $"\"{Convert.ToBase64String(new byte[random.Next(9)])}\"",
                "string" => $"\"{string.Concat(Enumerable.Range(0, Count(keywords, "minLength", "maxLength")).Select(_ => Pick(Characters)))}\"",
                "integer" => Integer(keywords),
                "number" => random.Next(2) == 0 ? Integer(keywords) : Fraction(keywords),
                "boolean" => Pick(["true", "false"]),
                _ => "null",
            };
        }

        private string ObjectOf(JsonObject keywords)
        {
            var members = new List<string>();
            foreach (var (name, schema) in keywords["properties"] as JsonObject ?? [])
            {
                if (random.Next(12) > 0)
                {
                    members.Add($"{JsonSerializer.Serialize(random.Next(60) == 0 ? name.ToUpperInvariant() : name)}:{Value(schema)}");
                }
            }

            for (var more = keywords["additionalProperties"] is JsonObject ? random.Next(3) : random.Next(30) == 0 ? 1 : 0; more > 0; more--)
            {
                members.Add($"\"other{more}\":{Value(keywords["additionalProperties"] as JsonObject)}");
            }

            return $"{{{string.Join(',', members.OrderBy(_ => random.Next()))}}}";
        }

        /// <summary>At a bound, beside it, or anything between.</summary>
        private int Count(JsonObject keywords, string minimum, string maximum)
        {
            var (least, most) = (keywords[minimum]?.GetValue<int>() ?? 0, keywords[maximum]?.GetValue<int>() ?? 12);
            return random.Next(16) switch
            {
                0 => Math.Max(least - 1, 0),
                1 when most < 20_000 => most + random.Next(2),
                2 => least,
                _ => random.Next(least, Math.Min(most, least + 12) + 1),
            };
        }

        private string Integer(JsonObject keywords)
        {
            var (least, most) = (Bound(keywords, "minimum") ?? long.MinValue, Bound(keywords, "maximum") ?? long.MaxValue);
            var number = random.Next(12) switch
            {
                0 => least,
                1 => most,
                2 => least - 1,
                3 => most + 1,
                4 => 0,
                _ => least + (BigInteger)(random.NextDouble() * (double)(most - least)),
            };
            var digits = (number >= long.MinValue && number <= long.MaxValue ? number : 0).ToString(CultureInfo.InvariantCulture);

            // The oracle rounds long fractions.
            return random.Next(60) switch
            {
                0 => digits + ".00",
                1 when digits is not "0" => digits + "00e-2",
                2 => digits + "E0",
                3 when digits.Length < 12 => digits + ".5",
                4 when digits.Length < 12 => digits + "e-1",
                _ => digits,
            };
        }

        /// <summary>Small enough to be written without an exponent: such a number could be an integer to JSON Schema.</summary>
        private string Fraction(JsonObject keywords)
        {
            var (least, most) = (Math.Max(Real(keywords, "minimum") ?? -1e9, -1e9), Math.Min(Real(keywords, "maximum") ?? 1e9, 1e9));
            var number = random.Next(12) switch
            {
                0 => least,
                1 => most,
                2 => least - 0.25,
                3 => most + 0.25,
                _ => least + (random.NextDouble() * (most - least)),
            };
            return number.ToString("R", CultureInfo.InvariantCulture);
        }

        private static BigInteger? Bound(JsonObject keywords, string name) =>
            keywords[name] is not { } bound ? null
            : BigInteger.TryParse(bound.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer) ? integer
            : new BigInteger(Real(keywords, name)!.Value);

        private static double? Real(JsonObject keywords, string name) =>
            keywords[name] is { } bound ? double.Parse(bound.ToJsonString(), CultureInfo.InvariantCulture) : null;

        private string Pick(string[] values) => values[random.Next(values.Length)];
    }
}
