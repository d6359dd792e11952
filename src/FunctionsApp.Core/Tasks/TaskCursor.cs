using System.Buffers.Text;
using System.Text;

namespace FunctionsApp.Core.Tasks;

/// <summary>The cursors of lists, as callers see them: an engine's own text, which they need not understand.</summary>
public static class TaskCursor
{
    /// <summary>A cursor that began with a digit could be taken for a number.</summary>
    private const char Prefix = 'c';

    /// <summary>Returns the cursor of a text.</summary>
    /// <param name="text">Where the next page begins, as the engine writes it; null for no next page.</param>
    public static string? Encode(string? text) => text is null ? null : Prefix + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    /// <summary>Returns the text of a cursor.</summary>
    /// <param name="cursor">The cursor; null for the first page.</param>
    /// <exception cref="Problems.ProblemException"><c>invalid-request</c>: it is not a cursor.</exception>
    public static string? Decode(string? cursor)
    {
        try
        {
            return cursor is null ? null
                : cursor.Length > 1 && cursor[0] == Prefix ? Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor.AsSpan(1)))
                : throw TaskProblems.InvalidCursor();
        }
        catch (FormatException)
        {
            throw TaskProblems.InvalidCursor();
        }
    }
}
