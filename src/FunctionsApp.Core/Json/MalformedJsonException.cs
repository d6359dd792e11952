using System.Text.Json;

namespace FunctionsApp.Core.Json;

/// <summary>A caller's text is not JSON. Unlike a <see cref="JsonException"/>, it cannot come from an operation.</summary>
/// <param name="exception">The reader's error.</param>
internal sealed class MalformedJsonException(JsonException exception) : Exception(exception.Message, exception)
{
    /// <summary>The reader's error.</summary>
    public JsonException Cause => (JsonException)InnerException!;
}
