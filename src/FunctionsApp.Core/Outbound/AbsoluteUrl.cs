namespace FunctionsApp.Core.Outbound;

/// <summary>Parses a caller's URL.</summary>
public static class AbsoluteUrl
{
    /// <summary>Parses a URL; returns null if it is not absolute or has control characters, which the framework allows.</summary>
    public static Uri? Parse(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url)
            && !text.AsSpan().ContainsAnyInRange('\0', '\x1f')
            && !text.Contains('\x7f', StringComparison.Ordinal)
            ? url
            : null;
}
