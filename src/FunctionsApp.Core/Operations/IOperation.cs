using FunctionsApp.Core.Problems;
namespace FunctionsApp.Core.Operations;

/// <summary>An operation that waits: for time, a network, a disk. It holds no thread while it does.</summary>
/// <typeparam name="TInput">A record; its properties and their attributes make the input's JSON Schema.</typeparam>
/// <typeparam name="TOutput">Whatever JSON can say.</typeparam>
public interface IOperation<in TInput, TOutput>
{
    /// <summary>Does the work.</summary>
    /// <param name="input">Checked against its schema.</param>
    /// <param name="cancellationToken">Cancelled by a caller that goes away, a sibling's failure, a time limit or a stopping host.</param>
    /// <exception cref="OperationException">The operation's own error; the caller gets its message.</exception>
    ValueTask<TOutput> RunAsync(TInput input, CancellationToken cancellationToken);
}

/// <summary>An operation that computes. It runs on the threads of the CPU scheduler and can be mapped over many items.</summary>
/// <typeparam name="TInput">A record; its properties and their attributes make the input's JSON Schema.</typeparam>
/// <typeparam name="TOutput">Whatever JSON can say.</typeparam>
public interface ICpuOperation<in TInput, out TOutput>
{
    /// <summary>Computes the result. It must be a function of its input alone: items run in any order, on any thread.</summary>
    /// <param name="input">Checked against its schema.</param>
    /// <param name="cancellationToken">To be looked at in every loop that can take long.</param>
    /// <exception cref="OperationException">The operation's own error; the caller gets its message.</exception>
    TOutput Compute(TInput input, CancellationToken cancellationToken);
}

/// <summary>An operation that yields one value after another, as a Python async generator does.</summary>
/// <typeparam name="TInput">A record; its properties and their attributes make the input's JSON Schema.</typeparam>
/// <typeparam name="TOutput">Whatever JSON can say.</typeparam>
public interface IStreamOperation<in TInput, out TOutput>
{
    /// <summary>Yields the values. Each is sent as soon as it is yielded, and the next is asked for when it has been sent.</summary>
    /// <param name="input">Checked against its schema.</param>
    /// <param name="cancellationToken">Cancelled by a caller that goes away, a time limit or a stopping host.</param>
    /// <exception cref="OperationException">The operation's own error; the caller gets its message.</exception>
    IAsyncEnumerable<TOutput> StreamAsync(TInput input, CancellationToken cancellationToken);
}
