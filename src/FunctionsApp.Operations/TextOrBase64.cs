using System.Text;

namespace FunctionsApp.Operations;

/// <summary>Input data, either as text or, because JSON has no bytes, as base64.</summary>
internal static class TextOrBase64
{
    public static IEnumerable<(string Property, string Message)> Check(string? text, byte[]? base64) =>
        text is null == base64 is null ? [("", "must have either text or base64")] : [];

    /// <summary>Checks one of several such inputs, and names it in the error.</summary>
    public static IEnumerable<(string Property, string Message)> Check(string name, string? text, byte[]? base64) =>
        (text is null, base64 is null) switch
        {
            (true, true) => [(name, $"is required, unless {name}Base64 is given")],
            (false, false) => [($"{name}Base64", $"must not be given with {name}")],
            _ => [],
        };

    public static byte[] ToBytes(string? text, byte[]? base64) => base64 ?? Encoding.UTF8.GetBytes(text ?? "");
}
