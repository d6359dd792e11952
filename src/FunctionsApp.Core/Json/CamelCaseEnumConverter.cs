using System.Text.Json;
using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Json;

/// <summary>Writes the values of an enum as their names in camelCase.</summary>
public sealed class CamelCaseEnumConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase)
    where T : struct, Enum;
