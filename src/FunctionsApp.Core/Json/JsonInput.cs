using System.Runtime.InteropServices;
using System.Text.Json;

namespace FunctionsApp.Core.Json;

/// <summary>The input of an operation within a request.</summary>
internal static class JsonInput
{
    /// <summary>The text of the input; an absent one is <c>{}</c>.</summary>
    public static ReadOnlySpan<byte> Utf8(JsonElement? input) => input is { } element ? JsonMarshal.GetRawUtf8Value(element) : "{}"u8;
}
