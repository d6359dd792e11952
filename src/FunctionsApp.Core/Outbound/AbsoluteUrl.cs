namespace FunctionsApp.Core.Outbound;

/// <summary>A URL as a caller wrote it.</summary>
public static class AbsoluteUrl
{
    /// <summary>Reads it; null when it is not absolute, or has control characters in it, which the framework would let pass.</summary>
    public static Uri? Parse(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && !text.AsSpan().ContainsAnyInRange('\0', '\x1f') && !text.Contains('\x7f', StringComparison.Ordinal)
            ? url
            : null;
}
