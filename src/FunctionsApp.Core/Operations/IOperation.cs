using FunctionsApp.Core.Problems;
namespace FunctionsApp.Core.Operations;

/// <summary>An operation that waits for time, a network or a disk. It holds no thread while it waits.</summary>
/// <typeparam name="TInput">A record; its properties and their attributes make the input's JSON Schema.</typeparam>
/// <typeparam name="TOutput">Any type that JSON can represent.</typeparam>
public interface IOperation<in TInput, TOutput>
{
    /// <summary>Runs the operation.</summary>
    /// <param name="input">The input; valid by its schema.</param>
    /// <param name="cancellationToken">
    /// Cancelled when the caller disconnects, a sibling fails, a time limit runs out, or the host stops.
    /// </param>
    /// <exception cref="OperationException">The operation's own error; the caller gets its message.</exception>
    ValueTask<TOutput> RunAsync(TInput input, CancellationToken cancellationToken);
}

/// <summary>An operation that computes. It runs on the threads of the CPU scheduler and can be mapped over many items.</summary>
/// <typeparam name="TInput">A record; its properties and their attributes make the input's JSON Schema.</typeparam>
/// <typeparam name="TOutput">Any type that JSON can represent.</typeparam>
public interface ICpuOperation<in TInput, out TOutput>
{
    /// <summary>Computes the result. It must depend on the input alone: items run in any order, on any thread.</summary>
    /// <param name="input">The input; valid by its schema.</param>
    /// <param name="cancellationToken">Must be checked in every loop that can take long.</param>
    /// <exception cref="OperationException">The operation's own error; the caller gets its message.</exception>
    TOutput Compute(TInput input, CancellationToken cancellationToken);
}

/// <summary>An operation that yields one value after another, like a Python async generator.</summary>
/// <typeparam name="TInput">A record; its properties and their attributes make the input's JSON Schema.</typeparam>
/// <typeparam name="TOutput">Any type that JSON can represent.</typeparam>
public interface IStreamOperation<in TInput, out TOutput>
{
    /// <summary>Yields the values. Each is sent as soon as it is yielded; the next is requested once it has been sent.</summary>
    /// <param name="input">The input; valid by its schema.</param>
    /// <param name="cancellationToken">Cancelled when the caller disconnects, a time limit runs out, or the host stops.</param>
    /// <exception cref="OperationException">The operation's own error; the caller gets its message.</exception>
    IAsyncEnumerable<TOutput> StreamAsync(TInput input, CancellationToken cancellationToken);
}
