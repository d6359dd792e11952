using System.Text;
using System.Text.Unicode;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>What makes a text unreadable as JSON, in words of this project: the framework's messages are for its own developers.</summary>
internal static class JsonErrors
{
    /// <summary>Explains a text that is not JSON.</summary>
    /// <param name="text">A text in UTF-8 that the framework has refused.</param>
    public static ProblemException Of(ReadOnlySpan<byte> text)
    {
        var (message, at) = JsonSyntaxError.Find(text);
        return At(text, at, Problem.MalformedJson(message));
    }

    /// <summary>Explains a text that nests too deep.</summary>
    /// <param name="text">The text.</param>
    /// <param name="at">Where it goes beyond the limit.</param>
    /// <param name="maxDepth">The limit.</param>
    public static ProblemException TooDeep(ReadOnlySpan<byte> text, int at, int maxDepth) =>
        At(text, at, Problem.TooLarge($"The body nests deeper than {maxDepth} arrays and objects, the value of Limits:MaxDepth"));

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

        throw At(text, at, Problem.MalformedJson("The text is not UTF-8"));
    }

    private static ProblemException At(ReadOnlySpan<byte> text, int at, Problem problem)
    {
        var before = text[..at];
        return new(problem.At(before.Count((byte)'\n') + 1, at - before.LastIndexOf((byte)'\n')));
    }
}
