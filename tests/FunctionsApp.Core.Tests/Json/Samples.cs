using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Json;

internal sealed record Sample
{
    public required Number X { get; init; }

    [Range(-5, 10)]
    public int? Small { get; init; }

    public long? Big { get; init; }

    [Range(0.5, 1.5)]
    public double? Ratio { get; init; }

    [Length(2, 4)]
    public string? Text { get; init; }

    [AllowedValues("red", "green")]
    public string? Colour { get; init; }

    [Length(1, 2)]
    public IReadOnlyList<bool>? Flags { get; init; }

    public SamplePart? Part { get; init; }

    public IReadOnlyDictionary<string, int>? Map { get; init; }

    public byte[]? Bytes { get; init; }

    public JsonElement? Any { get; init; }
}

internal sealed record SamplePart
{
    public required string Name { get; init; }

    [JsonPropertyName("a/b~c")]
    public long? Odd { get; init; }
}

/// <summary>One of the two must be there.</summary>
internal sealed record SamplePair(string? Left = null, string? Right = null) : ICrossChecked
{
    public IEnumerable<(string Property, string Message)> Check()
    {
        if (Left is null && Right is null)
        {
            yield return ("", "must have left or right");
        }

        if (Right is "")
        {
            yield return ("right", "must not be empty");
        }
    }
}

internal sealed record SamplePoint(
    [property: Description("Across."), Range(0, 9)] int Across,
    [property: Description("Down."), DefaultValue(3)] int Down = 3,
    SamplePart? Part = null);

internal sealed record SampleNothing;

/// <summary>Short ways to contracts.</summary>
internal static class Samples
{
    public static JsonContract<Sample> Contract { get; } = new();

    public static JsonContract<SamplePoint> Point { get; } = new();

    /// <summary>The errors as lines of "pointer message", in the order in which they are listed.</summary>
    public static string Lines(Problem problem) =>
        string.Join('\n', problem.Errors!.SelectMany(static error => error.Value.Select(message => error.Key + " " + message)));

    public static Problem Refusal(Action read) => Assert.Throws<ProblemException>(read).Problem;

    /// <summary>The errors of a value that is no <see cref="Sample"/>, as <see cref="Lines"/>.</summary>
    public static string ValidationErrors(string json) => Lines(Refusal(() => Read(json)));

    public static Sample Read(string json) => Contract.Read(Encoding.UTF8.GetBytes(json), "");

    public static JsonElement Parse(string json) => JsonElement.Parse(json);

    public static RawJson Raw(string json) => RawJson.FromUtf8(Encoding.UTF8.GetBytes(json));
}
