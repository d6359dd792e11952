using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;
using FunctionsApp.Core.Requests;

namespace FunctionsApp.Core.Outbound;

/// <summary>Resolves host names to addresses.</summary>
public interface IHostResolver
{
    /// <summary>Resolves a host name to all its addresses, in the order to try them.</summary>
    /// <param name="host">A host name.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="System.Net.Sockets.SocketException">The name cannot be resolved.</exception>
    Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken);
}

/// <summary>
/// Resolves names through the system, on dedicated threads. Only the system knows /etc/hosts, search domains and other
/// settings of the administrator. On Linux it has no asynchronous look-up: <c>getaddrinfo</c> blocks its thread while a
/// dead name server is silent. On the thread pool, some thousand dead names would stall every request: <c>DnsResolverTests</c>.
/// </summary>
#pragma warning disable CA1001 // A look-up may outlive the app, so its semaphores are not disposed of. They hold no wait handle.
internal sealed class DnsResolver(Func<string, IPAddress[]> lookUp) : IHostResolver
#pragma warning restore CA1001
{
    /// <summary>The maximum number of concurrent look-ups.</summary>
    public const int MaxLookUps = 64;

    /// <summary>The maximum look-ups of one caller that run or wait for a slot. Its other look-ups wait only for these.</summary>
    public const int MaxLookUpsPerCaller = 8;

    private readonly SemaphoreSlim _slots = new(MaxLookUps);
    private readonly ConditionalWeakTable<object, SemaphoreSlim> _callers = [];
    private readonly ConcurrentDictionary<string, Task<IPAddress[]>> _running = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Uses the system's resolver.</summary>
    public DnsResolver()
        : this(Dns.GetHostAddresses)
    {
    }

    public async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        if (!_running.TryGetValue(host, out var running))
        {
            var caller = _callers.GetValue(
                RequestContext.Get<CallChain>()?.Caller ?? this, static _ => new SemaphoreSlim(MaxLookUpsPerCaller));
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

            running = Start(host, caller);
        }

        return await running.WaitAsync(cancellationToken);
    }

    /// <summary>
    /// Starts a look-up, or joins a running one of the same name. It keeps its slots until it ends, even if its caller leaves.
    /// </summary>
    private Task<IPAddress[]> Start(string host, SemaphoreSlim caller)
    {
        // A thread of its own, on which no caller continues, and which may outlive the request.
        Task<IPAddress[]> started;
        using (ExecutionContext.SuppressFlow())
        {
            started = new Task<IPAddress[]>(
                Run, CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.RunContinuationsAsynchronously);
        }

        var running = _running.GetOrAdd(host, started);
        if (running != started)
        {
            Release(caller);
            return running;
        }

        try
        {
            started.Start(TaskScheduler.Default);
        }
        catch (TaskSchedulerException)
        {
            // There is not enough memory for a thread. The task has this exception.
            End(host, caller);
        }

        return running;

        IPAddress[] Run()
        {
            try
            {
                return lookUp(host);
            }
            finally
            {
                End(host, caller);
            }
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
