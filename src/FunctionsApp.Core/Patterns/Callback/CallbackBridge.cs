namespace FunctionsApp.Core.Patterns.Callback;

/// <summary>Turns callbacks into <c>await</c>, like <c>loop.create_future()</c> and <c>future.set_result</c> in Python.</summary>
public static class CallbackBridge
{
    /// <summary>Calls <see cref="CallbackService.Start"/>, and completes when the service calls its delegate.</summary>
    /// <inheritdoc cref="CallbackService.Start"/>
    public static Task<CallbackOutcome> RunAsync(
        this CallbackService service, string operation, CallbackRequest request, CancellationToken cancellationToken)
    {
        // The thread that ended the work calls the delegate. Without RunContinuationsAsynchronously, SetResult would run
        // the rest of the request inside the delegate: it would serialize the response and write it to a client that may
        // read slowly. Meanwhile the thread is needed elsewhere: it may be the timer's, which ends every other delay, or
        // a lock's owner. An exception of the request would also be thrown into the completed work.
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
