using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using FunctionsApp.Core.Operations;

namespace Team.Operations;

/// <summary>Input of <c>text.words</c>.</summary>
public sealed record TextWordsInput(
    [property: Description("The text."), MaxLength(10_000)] string Text,
    [property: Description("Seconds before each word."), Range(0, 60)] double PauseSeconds = 0);

/// <summary>Yields the words of a text.</summary>
[Operation("text.words", "Yields the words of a text, one after the other.", Example = """{"text":"to be or not to be"}""")]
public sealed class TextWordsOperation(TimeProvider time) : IStreamOperation<TextWordsInput, string>
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<string> StreamAsync(
        TextWordsInput input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var word in input.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            await Task.Delay(TimeSpan.FromSeconds(input.PauseSeconds), time, cancellationToken);
            yield return word;
        }
    }
}
