using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Runtime.InteropServices;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>text.count</c>.</summary>
public sealed record TextCountInput(
    [property: Description("The text to count.")] string Text,
    [property: Description("The number of most frequent words to list."), Range(0, 1_000)] int Top = 10);

/// <summary>Output of <c>text.count</c>.</summary>
/// <param name="Characters">Characters as a reader perceives them: Unicode's extended grapheme clusters.</param>
/// <param name="Words">Segments between Unicode's default word boundaries that have a letter or a number.</param>
/// <param name="Lines">Lines that end in \r\n, \n or \r; the last one may have no end.</param>
/// <param name="Top">The most frequent words, most frequent first, ties in ordinal order.</param>
public sealed record TextCountOutput(int Characters, int Words, int Lines, IReadOnlyList<WordCount> Top);

/// <summary>How often a word occurs.</summary>
/// <param name="Word">In lower case, as Unicode maps it in every language.</param>
/// <param name="Count">1 or more.</param>
public sealed record WordCount(string Word, int Count);

/// <summary>Counts characters, words and lines as Unicode defines them, and the most frequent words.</summary>
[Operation("text.count", "Counts the characters, words and lines of a text, and its most frequent words.",
    Example = """{"text":"To be, or not to be.","top":2}""")]
public sealed class TextCountOperation : ICpuOperation<TextCountInput, TextCountOutput>
{
    /// <inheritdoc/>
    public TextCountOutput Compute(TextCountInput input, CancellationToken cancellationToken)
    {
        var occurrences = CountWords(input.Text, cancellationToken);
        return new TextCountOutput(
            CountCharacters(input.Text, cancellationToken),
            occurrences.Values.Sum(),
            CountLines(input.Text, cancellationToken),
            MostFrequent(occurrences, input.Top, cancellationToken));
    }

    private static int CountCharacters(ReadOnlySpan<char> text, CancellationToken cancellationToken)
    {
        var count = 0;
        for (; !text.IsEmpty; count++)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // There is a boundary between two ASCII characters, unless they are \r\n.
            var plain = text.Length > 1 && char.IsAscii(text[0]) && char.IsAscii(text[1]) && text[0] != '\r';
            text = text[(plain ? 1 : StringInfo.GetNextTextElementLength(text))..];
        }

        return count;
    }

    private static int CountLines(ReadOnlySpan<char> text, CancellationToken cancellationToken)
    {
        var count = 0;
        for (; !text.IsEmpty; count++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var end = text.IndexOfAny('\r', '\n');
            text = end < 0 ? [] : text[(end + (text[end..].StartsWith("\r\n", StringComparison.Ordinal) ? 2 : 1))..];
        }

        return count;
    }

    private static Dictionary<string, int> CountWords(ReadOnlySpan<char> text, CancellationToken cancellationToken)
    {
        var occurrences = new Dictionary<string, int>(StringComparer.Ordinal);
        var bySpan = occurrences.GetAlternateLookup<ReadOnlySpan<char>>();
        var buffer = new char[64];
        while (!text.IsEmpty)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (length, isWord) = WordSegment.First(text, cancellationToken);
            if (isWord)
            {
                var word = LowerCase.Of(text[..length], ref buffer);
                CollectionsMarshal.GetValueRefOrAddDefault(bySpan, word, out _)++;
            }

            text = text[length..];
        }

        return occurrences;
    }

    private static List<WordCount> MostFrequent(Dictionary<string, int> occurrences, int top, CancellationToken cancellationToken)
    {
        // Only the best words so far, so the set stays small.
        var order = Comparer<WordCount>.Create(static (left, right) =>
            left.Count != right.Count ? right.Count.CompareTo(left.Count) : string.CompareOrdinal(left.Word, right.Word));
        var best = new SortedSet<WordCount>(order);
        foreach (var (word, count) in top > 0 ? occurrences : [])
        {
            cancellationToken.ThrowIfCancellationRequested();
            var candidate = new WordCount(word, count);
            if (best.Count < top || order.Compare(candidate, best.Max) < 0)
            {
                best.Add(candidate);
            }

            if (best.Count > top)
            {
                best.Remove(best.Max!);
            }
        }

        return [.. best];
    }
}
