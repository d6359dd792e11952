using System.Globalization;
using System.Text.Json;

namespace FunctionsApp.AttackTests.Wire;

/// <summary>How far an answer came.</summary>
public enum Ending
{
    /// <summary>To its end.</summary>
    Whole,

    /// <summary>The connection ended first.</summary>
    Cut,

    /// <summary>Time ran out first.</summary>
    Unfinished,
}

/// <summary>What came back for a request.</summary>
/// <param name="Status">The status code; 0 without an answer.</param>
/// <param name="Head">The status line and the headers.</param>
/// <param name="Length">The bytes of its body.</param>
/// <param name="Text">The body of an error, or the last kilobytes of a success.</param>
/// <param name="Ending">How far it came.</param>
public sealed record Reply(int Status, string Head, long Length, string Text, Ending Ending)
{
    /// <summary>The most bytes of a problem that are kept.</summary>
    public const int MaxKept = 4 << 20;

    public const string Ok = "200";
    public const string Saturated = "429 saturated";
    public const string TooLarge = "413 too-large";
    public const string InvalidRequest = "422 invalid-request";
    public const string RequestTimeout = "408 request-timeout";

    /// <summary>What a request over some limit may be answered.</summary>
    public static IReadOnlyList<string> Named { get; } = [Ok, Saturated, TooLarge, InvalidRequest, RequestTimeout];

    /// <summary>The body as JSON.</summary>
    public JsonElement Json => JsonElement.Parse(Text);

    /// <summary>The reply in a few words, such as <c>429 saturated</c>; equal replies have equal words.</summary>
    public string Summary
    {
        get
        {
            var status = Status.ToString(CultureInfo.InvariantCulture);
            return (Ending, Status) switch
            {
                (Ending.Cut, 0) => "cut without an answer",
                (Ending.Cut, _) => $"{status}, cut",
                (Ending.Unfinished, 0) => "no answer",
                (Ending.Unfinished, _) => $"{status}, unfinished",
                (_, >= 200 and < 300) => LastError() is { } slug ? $"{status}, then {slug}" : status,
                _ => $"{status} {Slug()}",
            };
        }
    }

    private string Slug()
    {
        if (!Head.Contains("application/problem+json", StringComparison.OrdinalIgnoreCase))
        {
            return "without a problem";
        }

        if (Length > MaxKept)
        {
            return string.Create(CultureInfo.InvariantCulture, $"with a problem of {Length:n0} bytes");
        }

        try
        {
            var slug = SlugOf(Json);
            return Status == 429 && !Head.Contains("Retry-After:", StringComparison.OrdinalIgnoreCase) ? slug + " without Retry-After" : slug;
        }
        catch (JsonException)
        {
            return "with a broken problem: " + Text[..Math.Min(Text.Length, 400)];
        }
    }

    /// <summary>The problem in the last line of a streamed answer.</summary>
    private string? LastError()
    {
        var start = Text.LastIndexOf("{\"error\":{\"type\"", StringComparison.Ordinal);
        return start < 0 || !Head.Contains("application/x-ndjson", StringComparison.OrdinalIgnoreCase)
            ? null
            : SlugOf(JsonElement.Parse(Text[start..].TrimEnd()).GetProperty("error"));
    }

    private static string SlugOf(JsonElement problem) => problem.GetProperty("type").GetString()!["/problems/".Length..];
}
