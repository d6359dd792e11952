using System.Text;

namespace FunctionsApp.Operations;

/// <summary>Input data, either as text or, because JSON has no bytes, as base64.</summary>
internal static class TextOrBase64
{
    public static IEnumerable<(string Property, string Message)> Check(string? text, byte[]? base64) =>
        text is null == base64 is null ? [("", "must have either text or base64")] : [];

    public static byte[] ToBytes(string? text, byte[]? base64) => base64 ?? Encoding.UTF8.GetBytes(text ?? "");
}
