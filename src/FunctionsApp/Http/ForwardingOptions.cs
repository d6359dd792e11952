namespace FunctionsApp.Http;

/// <summary>What the host does with requests before they reach the functions.</summary>
public sealed class ForwardingOptions
{
    /// <summary>
    /// Whether an answer is on its way while its request still arrives. Where it is not, a body that is to be answered bit by bit has
    /// to be taken in first: answer and upload would wait for each other.
    /// </summary>
    public bool IsDuplex { get; set; } = true;
}
