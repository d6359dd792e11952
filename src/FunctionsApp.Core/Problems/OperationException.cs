namespace FunctionsApp.Core.Problems;

/// <summary>
/// An operation's own error. The caller gets <see cref="Exception.Message"/> as the detail of an <c>operation-failed</c>
/// problem. Any other exception of an operation becomes <c>internal-error</c>, without its message.
/// </summary>
public sealed class OperationException : Exception
{
    /// <summary>Creates an error with a message for the caller.</summary>
    public OperationException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an error with a message for the caller, and its cause.</summary>
    public OperationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
