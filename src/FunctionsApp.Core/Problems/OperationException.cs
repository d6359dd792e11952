namespace FunctionsApp.Core.Problems;

/// <summary>
/// An operation's own error: the caller gets <see cref="Exception.Message"/> as the detail of an <c>operation-failed</c>
/// problem. Any other exception that leaves an operation is answered as <c>internal-error</c>, without its message.
/// </summary>
public sealed class OperationException : Exception
{
    /// <summary>An error that says <paramref name="message"/> to the caller.</summary>
    public OperationException(string message)
        : base(message)
    {
    }

    /// <summary>An error that says <paramref name="message"/> to the caller, and its cause.</summary>
    public OperationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
