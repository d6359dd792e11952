using System.Collections.Concurrent;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests;

public sealed record ProbeInput(string Name);

/// <summary>An operation that a test ends by hand, and that tells whether it was cancelled.</summary>
[Operation("probe", "Runs until the test ends it.")]
public sealed class ProbeOperation : IOperation<ProbeInput, string>
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource<string>> _endings = new(StringComparer.Ordinal);
    private int _running;

    /// <summary>How many are running now.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>The names in the order in which they started.</summary>
    public ConcurrentQueue<string> Started { get; } = new();

    /// <summary>The names of those that were cancelled.</summary>
    public ConcurrentQueue<string> Cancelled { get; } = new();

    /// <summary>Set to hold cancelled ones up until it completes.</summary>
    public Task Lingering { get; set; } = Task.CompletedTask;

    public void Succeed(string name) => Ending(name).SetResult(name);

    public void Fail(string name) => Ending(name).SetException(new OperationException($"{name} failed"));

    public void Break(string name) => Ending(name).SetException(new InvalidOperationException("a secret"));

    public async ValueTask<string> RunAsync(ProbeInput input, CancellationToken cancellationToken)
    {
        Started.Enqueue(input.Name);
        Interlocked.Increment(ref _running);
        try
        {
            return await Ending(input.Name).Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Cancelled.Enqueue(input.Name);
            await Lingering;
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private TaskCompletionSource<string> Ending(string name) => _endings.GetOrAdd(name, static _ => new TaskCompletionSource<string>());
}
