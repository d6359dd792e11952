using System.Text;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Durable.Records;

/// <summary>
/// An input or an outcome. A small one travels as text in the messages and rows that are written anyway; a larger one is in a blob.
/// </summary>
internal static class Payload
{
    /// <summary>
    /// The maximum length of a small one, in bytes. The status of an orchestration, with a small outcome and fifty attempts at a webhook,
    /// must fit into a cell of a table: 32,768 characters.
    /// </summary>
    public const int MaxInlineBytes = 4 * 1024;

    /// <summary>Returns the text of a small payload; null for a larger one.</summary>
    public static string? Inline(RawJson json) => json.Utf8.Length <= MaxInlineBytes ? json.ToString() : null;

    /// <summary>Returns the payload of a text.</summary>
    public static RawJson Read(string text) => RawJson.FromUtf8(Encoding.UTF8.GetBytes(text));
}
