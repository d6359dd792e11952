namespace FunctionsApp.TestHost;

/// <summary>The worker has not started, has refused a message, or has ended by itself. The message ends with the last lines that it logged.</summary>
public sealed class WorkerException : Exception
{
    /// <summary>Creates the exception.</summary>
    public WorkerException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What went wrong, and what the worker logged.</param>
    public WorkerException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What went wrong, and what the worker logged.</param>
    /// <param name="innerException">The cause.</param>
    public WorkerException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
