using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Json;

/// <summary>The one place that reads a request's body as JSON.</summary>
public sealed class RequestReader(IOptions<LimitsOptions> limits)
{
    /// <summary>Reads a body that is an operation's input. The operation checks its shape.</summary>
    /// <param name="body">UTF-8; an empty body means <c>{}</c>.</param>
    /// <exception cref="ProblemException"><c>malformed-json</c>, <c>too-large</c>, or <c>invalid-request</c> for text that is not Unicode.</exception>
    public RawJson ReadInput(ReadOnlyMemory<byte> body)
    {
        body = Trim(WithoutByteOrderMark(body));
        if (body.IsEmpty)
        {
            return RawJson.EmptyObject;
        }

        try
        {
            EnsureUtf8(body.Span);
            return SchemaCheck.Run(SchemaNode.Any, body.Span, limits.Value.MaxDepth) is { } errors
                ? throw new ProblemException(errors.ToProblem(""))
                : RawJson.FromUtf8(body);
        }
        catch (JsonException exception)
        {
            throw new ProblemException(Malformed(exception));
        }
    }

    /// <summary>Reads a body that is the request of a pattern.</summary>
    /// <param name="body">UTF-8; the request's own JSON values refer to parts of it.</param>
    /// <typeparam name="T">The request; its properties define the schema of the body.</typeparam>
    /// <exception cref="ProblemException"><c>malformed-json</c>, <c>too-large</c> or <c>invalid-request</c> with every error.</exception>
    public T Read<T>(ReadOnlyMemory<byte> body)
    {
        body = WithoutByteOrderMark(body);
        try
        {
            EnsureUtf8(body.Span);
            if (typeof(T).IsAssignableTo(typeof(IHasItems)) && body.Length > WorkGate.LargeBytes)
            {
                return ReadSplit<T>(body);
            }

            using var text = SourceText.Open(body);
            return Contract<T>.Instance.Read(body.Span, "", limits.Value.MaxDepth);
        }
        catch (JsonException exception)
        {
            throw new ProblemException(Malformed(exception));
        }
    }

    /// <summary>Leaves the items of a large request to those who take them, and lets them have the whole checked.</summary>
    private T ReadSplit<T>(ReadOnlyMemory<byte> body)
    {
        using var text = SourceText.Open(body, () => Check<T>(body));
        return Contract<T>.Instance.ReadSplit(body.Span, limits.Value.MaxDepth);
    }

    private void Check<T>(ReadOnlyMemory<byte> body)
    {
        try
        {
            Contract<T>.Instance.Check(body.Span, "", limits.Value.MaxDepth);
        }
        catch (JsonException exception)
        {
            throw new ProblemException(Malformed(exception));
        }
    }

    private static ReadOnlyMemory<byte> WithoutByteOrderMark(ReadOnlyMemory<byte> body) =>
        body.Span.StartsWith("\uFEFF"u8) ? body[3..] : body;

    /// <summary>Trims white space, so that the first byte shows the kind of the value.</summary>
    private static ReadOnlyMemory<byte> Trim(ReadOnlyMemory<byte> body) => body.Trim(" \t\r\n"u8);

    /// <exception cref="JsonException">The text is not UTF-8.</exception>
    internal static void EnsureUtf8(ReadOnlySpan<byte> body)
    {
        if (Utf8.IsValid(body))
        {
            return;
        }

        var at = 0;
        while (Rune.DecodeFromUtf8(body[at..], out _, out var length) == System.Buffers.OperationStatus.Done)
        {
            at += length;
        }

        var before = body[..at];
        throw new JsonException("The text is not UTF-8.", path: null, before.Count((byte)'\n'), at - (before.LastIndexOf((byte)'\n') + 1));
    }

    /// <summary>Returns the problem for a text that is not JSON.</summary>
    /// <param name="exception">The reader's error.</param>
    /// <param name="firstLine">The number of the text's first line.</param>
    /// <param name="firstByte">Where in that line the text starts, from 0.</param>
    internal static Problem Malformed(JsonException exception, long firstLine = 1, int firstByte = 0)
    {
        // The framework's message ends with its own, zero-based position.
        var message = exception.Message;
        var end = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return Problem.MalformedJson(
            (end < 0 ? message : message[..end]).TrimEnd('.'),
            (exception.LineNumber ?? 0) + firstLine,
            (exception.BytePositionInLine ?? 0) + (exception.LineNumber is null or 0 ? firstByte : 0) + 1);
    }

    /// <summary>The contract of each request type, created at its first request.</summary>
    private static class Contract<T>
    {
        public static readonly JsonContract<T> Instance = new();
    }
}
