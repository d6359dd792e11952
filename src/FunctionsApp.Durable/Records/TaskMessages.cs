using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Records;

/// <summary>The input of the activity that makes an attempt. Its result is the <see cref="AttemptState"/>.</summary>
/// <param name="Id">The task.</param>
/// <param name="Call">The number of the call. A call may be executed more than once, and each retry is a new call.</param>
/// <param name="Definition">What to run, and how.</param>
/// <param name="InputBytes">The length of the input, in bytes.</param>
/// <param name="DueAt">Since when the attempt waits.</param>
/// <param name="Input">The input, if it is small; a larger one is in a blob.</param>
/// <param name="IsRunning">Whether another execution of the same call makes the attempt: this one only waits for its end.</param>
public sealed record AttemptInput(
    string Id, int Call, TaskDefinition Definition, int InputBytes, DateTimeOffset DueAt, string? Input = null, bool IsRunning = false);

/// <summary>The request to cancel a task.</summary>
/// <param name="RunningCall">The call that ran when the request was stored; 0 for none. No other call can start after that.</param>
public sealed record CancelEvent(int RunningCall);

/// <summary>The input of the activity that sends the webhook once.</summary>
/// <param name="Id">The task.</param>
/// <param name="Start">Its definition.</param>
/// <param name="Status">Its status, with the delivery.</param>
public sealed record DeliveryInput(string Id, TaskStart Start, DurableStatus Status);

/// <summary>The task of an idempotency key.</summary>
/// <param name="Id">The task.</param>
/// <param name="CreatedAt">When the key was taken.</param>
/// <param name="Fingerprint">A digest of the request.</param>
internal sealed record KeyEntry(string Id, DateTimeOffset CreatedAt, string? Fingerprint = null);
