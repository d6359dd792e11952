using System.Text.Json;

namespace FunctionsApp.Core.Json;

/// <summary>A caller's text is not JSON: other than a <see cref="JsonException"/>, it cannot come from an operation.</summary>
/// <param name="exception">Where the reader stumbled.</param>
internal sealed class MalformedJsonException(JsonException exception) : Exception(exception.Message, exception)
{
    /// <summary>Where the reader stumbled.</summary>
    public JsonException Cause => (JsonException)InnerException!;
}
