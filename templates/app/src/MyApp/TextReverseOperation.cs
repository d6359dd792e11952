using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Operations;

namespace OwnAppNamespace;

/// <summary>Input of <c>text.reverse</c>.</summary>
public sealed record TextReverseInput([property: Description("The text to reverse."), Length(1, 10_000)] string Text);

/// <summary>Reverses a text.</summary>
[Operation("text.reverse", "Reverses a text.", Example = """{"text":"stressed"}""")]
public sealed class TextReverseOperation : ICpuOperation<TextReverseInput, string>
{
    /// <inheritdoc/>
    public string Compute(TextReverseInput input, CancellationToken cancellationToken) =>
        string.Concat(input.Text.EnumerateRunes().Reverse());
}
