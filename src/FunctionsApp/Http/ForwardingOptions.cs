namespace FunctionsApp.Http;

/// <summary>How the host forwards requests to the functions.</summary>
public sealed class ForwardingOptions
{
    /// <summary>
    /// Whether the host sends a response while its request still arrives. If not, a body with a streamed response must be
    /// read completely first: otherwise response and upload would wait for each other.
    /// </summary>
    public bool RespondsDuringUpload { get; set; } = true;
}
