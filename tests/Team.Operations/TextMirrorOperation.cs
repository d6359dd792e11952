using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Operations;

namespace Team.Operations;

/// <summary>Input of <c>text.mirror</c>.</summary>
public sealed record TextMirrorInput([property: Description("The text to mirror."), Length(1, 10_000)] string Text);

/// <summary>Mirrors a text.</summary>
[Operation("text.mirror", "Mirrors a text.", Example = """{"text":"stressed"}""")]
public sealed class TextMirrorOperation : ICpuOperation<TextMirrorInput, string>
{
    /// <inheritdoc/>
    public string Compute(TextMirrorInput input, CancellationToken cancellationToken) =>
        string.Concat(input.Text.EnumerateRunes().Reverse());
}
