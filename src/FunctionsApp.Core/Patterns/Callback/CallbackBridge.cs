namespace FunctionsApp.Core.Patterns.Callback;

/// <summary>From callbacks to <c>await</c>, as <c>loop.create_future()</c> and <c>future.set_result</c> do it in Python.</summary>
public static class CallbackBridge
{
    /// <summary>Starts the work of <see cref="CallbackService.Start"/>, and ends when its delegate is called.</summary>
    /// <inheritdoc cref="CallbackService.Start"/>
    public static Task<CallbackOutcome> RunAsync(
        this CallbackService service, string operation, CallbackRequest request, CancellationToken cancellationToken)
    {
        // The delegate is called by the thread that ended the work. Without RunContinuationsAsynchronously SetResult would
        // run the rest of the request right there, inside the delegate: serializing the answer and writing it to a client
        // that may read slowly, while the thread is wanted elsewhere (it may be the timer's, which ends every other delay,
        // or that of a lock's owner), and an exception of the request's would be thrown into the work that is long done.
        var bridge = new TaskCompletionSource<CallbackOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        service.Start(operation, request, Completed, cancellationToken);
        return bridge.Task;

        void Completed(CallbackOutcome outcome, Exception? error)
        {
            if (error is null)
            {
                bridge.SetResult(outcome);
            }
            else
            {
                bridge.SetException(error);
            }
        }
    }
}
