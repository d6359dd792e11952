using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;

namespace FunctionsApp.Core.Outbound;

/// <summary>Finds the addresses of a host name.</summary>
public interface IHostResolver
{
    /// <summary>All addresses, in the order in which they are to be tried.</summary>
    /// <param name="host">A host name.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="System.Net.Sockets.SocketException">The name cannot be resolved.</exception>
    Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken);
}

/// <summary>
/// Asks the system, on threads of its own. Only the system knows /etc/hosts, search domains and what else an administrator has
/// set up, but on Linux it has no asynchronous look-up: <c>getaddrinfo</c> holds its thread for as long as a dead name server
/// is silent. On the thread pool, some thousand dead names would stall every request.
/// </summary>
#pragma warning disable CA1001 // A look-up may end after the app has: its semaphores are not disposed of, and without a wait handle have nothing to give back.
internal sealed class DnsResolver(Func<string, IPAddress[]> lookUp) : IHostResolver
#pragma warning restore CA1001
{
    /// <summary>Look-ups that run at once.</summary>
    public const int MaxLookUps = 64;

    /// <summary>Look-ups of one caller that run or wait for a thread at once. Its others wait behind them, and behind nobody else's.</summary>
    public const int MaxLookUpsPerCaller = 8;

    private readonly SemaphoreSlim _slots = new(MaxLookUps);
    private readonly ConditionalWeakTable<object, SemaphoreSlim> _callers = [];
    private readonly ConcurrentDictionary<string, Task<IPAddress[]>> _running = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Asks the system.</summary>
    public DnsResolver()
        : this(Dns.GetHostAddresses)
    {
    }

    public async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        if (_running.TryGetValue(host, out var running))
        {
            return await running.WaitAsync(cancellationToken);
        }

        var caller = _callers.GetValue(CallChain.Current?.Caller ?? this, static _ => new SemaphoreSlim(MaxLookUpsPerCaller));
        await caller.WaitAsync(cancellationToken);
        try
        {
            await _slots.WaitAsync(cancellationToken);
        }
        catch
        {
            caller.Release();
            throw;
        }

        return await Start(host, caller).WaitAsync(cancellationToken);
    }

    /// <summary>Starts a look-up, unless one of the same name runs already. It keeps its slots until it ends, also when its caller leaves.</summary>
    private Task<IPAddress[]> Start(string host, SemaphoreSlim caller)
    {
        var result = new TaskCompletionSource<IPAddress[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = _running.GetOrAdd(host, result.Task);
        if (running != result.Task)
        {
            Release(caller);
            return running;
        }

        try
        {
            new Thread(() => Run(host, caller, result)) { IsBackground = true, Name = "Host look-up" }.UnsafeStart();
        }
        catch
        {
            // There is no memory for a thread.
            End(host, caller);
            result.SetCanceled(CancellationToken.None);
            throw;
        }

        return running;
    }

    private void Run(string host, SemaphoreSlim caller, TaskCompletionSource<IPAddress[]> result)
    {
        try
        {
            var addresses = lookUp(host);
            End(host, caller);
            result.SetResult(addresses);
        }
#pragma warning disable CA1031 // Whatever it is, it belongs to those who wait: nobody else would catch it on this thread.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            End(host, caller);
            result.SetException(exception);

            // All callers may have left: then nobody else looks at it.
            _ = result.Task.Exception;
        }
    }

    private void End(string host, SemaphoreSlim caller)
    {
        _running.TryRemove(host, out _);
        Release(caller);
    }

    private void Release(SemaphoreSlim caller)
    {
        _slots.Release();
        caller.Release();
    }
}
