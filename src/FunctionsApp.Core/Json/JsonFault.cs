using System.Text;
using System.Text.Unicode;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>What makes a text unreadable as JSON, in words of this project: the framework's messages are for its own developers.</summary>
internal static class JsonFault
{
    /// <summary>Explains a text that is not JSON.</summary>
    /// <param name="text">A text in UTF-8 that the framework has refused.</param>
    public static ProblemException Of(ReadOnlySpan<byte> text)
    {
        var (message, at) = FaultFinder.Find(text);
        return Malformed(text, at, message);
    }

    /// <summary>Explains a text that nests too deep.</summary>
    /// <param name="text">The text.</param>
    /// <param name="at">Where it goes beyond the limit.</param>
    /// <param name="maxDepth">The limit.</param>
    public static ProblemException TooDeep(ReadOnlySpan<byte> text, int at, int maxDepth) =>
        new(At(text, at, (line, position) => Problem.TooLarge(
            $"The body nests deeper than {maxDepth} arrays and objects, the value of Limits:MaxDepth").At(line, position)));

    /// <exception cref="ProblemException"><c>malformed-json</c>: the text is not UTF-8.</exception>
    public static void EnsureUtf8(ReadOnlySpan<byte> text)
    {
        if (Utf8.IsValid(text))
        {
            return;
        }

        var at = 0;
        while (Rune.DecodeFromUtf8(text[at..], out _, out var length) == System.Buffers.OperationStatus.Done)
        {
            at += length;
        }

        throw Malformed(text, at, "The text is not UTF-8");
    }

    private static ProblemException Malformed(ReadOnlySpan<byte> text, int at, string message) =>
        new(At(text, at, (line, position) => Problem.MalformedJson(message, line, position)));

    private static Problem At(ReadOnlySpan<byte> text, int at, Func<long, long, Problem> problem)
    {
        var before = text[..at];
        return problem(before.Count((byte)'\n') + 1, at - before.LastIndexOf((byte)'\n'));
    }
}
