using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Patterns.Map;

namespace FunctionsApp.Core.Tests.Patterns.Map;

internal static class MapItem
{
    /// <summary>Reads an item of a map.</summary>
    public static T Read<T>(string json, bool isStarmap = false) =>
        new ItemReader<T>(new JsonContract<T>()).Read(Encoding.UTF8.GetBytes(json), isStarmap, CoreJson.MaxDepth);
}
