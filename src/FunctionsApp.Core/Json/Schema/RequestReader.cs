using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Json.Schema;

/// <summary>Reads a request's body as JSON. A map splits the items off before.</summary>
public sealed class RequestReader(IOptions<LimitsOptions> limits)
{
    /// <summary>Reads a body that is an operation's input. The operation checks its shape.</summary>
    /// <param name="body">UTF-8; an empty body means <c>{}</c>.</param>
    /// <exception cref="ProblemException">
    /// <c>malformed-json</c>, <c>too-large</c>, or <c>invalid-request</c> for text that is not Unicode.
    /// </exception>
    public RawJson ReadInput(ReadOnlyMemory<byte> body)
    {
        body = WithoutByteOrderMark(body);
        if (body.Trim(" \t\r\n"u8) is { IsEmpty: false } value)
        {
            // White space counts for the line and position of an error.
            JsonErrors.EnsureUtf8(body.Span);
            return SchemaCheck.Run(SchemaNode.Any, body.Span, limits.Value.MaxDepth) is { } errors
                ? throw new ProblemException(errors.ToProblem(""))
                : RawJson.FromUtf8(value);
        }

        return RawJson.EmptyObject;
    }

    /// <summary>Reads a body that is the request of a pattern.</summary>
    /// <param name="body">UTF-8; the request's own JSON values refer to parts of it.</param>
    /// <typeparam name="T">The request; its properties define the schema of the body.</typeparam>
    /// <exception cref="ProblemException"><c>malformed-json</c>, <c>too-large</c> or <c>invalid-request</c> with every error.</exception>
    public T Read<T>(ReadOnlyMemory<byte> body)
    {
        body = WithoutByteOrderMark(body);
        JsonErrors.EnsureUtf8(body.Span);
        using var text = SourceText.Open(body);
        return Contract<T>.Instance.Read(body.Span, "", limits.Value.MaxDepth);
    }

    private static ReadOnlyMemory<byte> WithoutByteOrderMark(ReadOnlyMemory<byte> body) =>
        body.Span.StartsWith("\uFEFF"u8) ? body[3..] : body;

    /// <summary>The contract of each request type, created at its first request.</summary>
    private static class Contract<T>
    {
        public static readonly JsonContract<T> Instance = new();
    }
}
