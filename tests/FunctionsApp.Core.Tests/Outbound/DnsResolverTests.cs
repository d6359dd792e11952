using System.Net;
using System.Net.Sockets;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Requests;

namespace FunctionsApp.Core.Tests.Outbound;

/// <summary>Look-ups of names that begin with "dead" take until the test lets them end.</summary>
public sealed class DnsResolverTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly ManualResetEventSlim _end = new();
    private readonly SemaphoreSlim _started = new(0);
    private readonly DnsResolver _resolver;
    private int _lookUps;
    private int _running;
    private int _most;

    public DnsResolverTests() => _resolver = new DnsResolver(LookUp);

    public void Dispose()
    {
        _end.Dispose();
        _started.Dispose();
    }

    [Fact]
    public async Task The_system_resolver_and_the_hosts_file_are_used()
    {
        Assert.All(await new DnsResolver().ResolveAsync("localhost", default), static address => Assert.True(IPAddress.IsLoopback(address)));
    }

    [Fact]
    public async Task Dead_names_of_one_caller_hold_few_threads_and_do_not_delay_others()
    {
        var dead = ResolveAll(new CallChain(null), 2_000, "dead");
        await StartedAsync(DnsResolver.MaxLookUpsPerCaller);

        RequestContext.Set(new CallChain(null));
        Assert.Equal(IPAddress.Loopback, Assert.Single(await _resolver.ResolveAsync("alive", default).WaitAsync(Limit)));

        Assert.Equal(DnsResolver.MaxLookUpsPerCaller + 1, Volatile.Read(ref _lookUps));
        _end.Set();
        await dead.WaitAsync(Limit);
        Assert.Equal((2_001, 0), (_lookUps, _running));
    }

    [Fact]
    public async Task All_callers_together_have_a_limit_and_wait_in_order()
    {
        var callers = Enumerable.Range(0, 20).Select(caller => ResolveAll(new CallChain(null), 20, $"dead-{caller}-")).ToList();
        await StartedAsync(DnsResolver.MaxLookUps);

        _end.Set();

        await Task.WhenAll(callers).WaitAsync(Limit);
        Assert.Equal((400, DnsResolver.MaxLookUps), (_lookUps, _most));
    }

    [Fact]
    public async Task A_caller_that_is_cancelled_leaves_at_once_whether_it_waits_or_is_looked_up()
    {
        using var caller = new CancellationTokenSource();
        RequestContext.Set(new CallChain(null));
        var waiting = Enumerable.Range(0, 20).Select(i => _resolver.ResolveAsync($"dead{i}", caller.Token)).ToList();
        await StartedAsync(DnsResolver.MaxLookUpsPerCaller);

        await caller.CancelAsync();

        Assert.All(await Task.WhenAll(waiting.Select(static one => Assert.ThrowsAnyAsync<OperationCanceledException>(() => one.WaitAsync(Limit)))), Assert.NotNull);
        Assert.Equal(DnsResolver.MaxLookUpsPerCaller, _lookUps);

        // Those that began have kept their slots, and give them back.
        var next = _resolver.ResolveAsync("alive", default);
        Assert.False(next.IsCompleted);
        _end.Set();
        await next.WaitAsync(Limit);
    }

    [Fact]
    public async Task A_name_is_looked_up_once_for_concurrent_callers()
    {
        var first = ResolveAll(new CallChain(null), 500, "dead", isOneName: true);
        await StartedAsync(1);
        var second = ResolveAll(new CallChain(null), 500, "DEAD", isOneName: true);

        _end.Set();

        await Task.WhenAll(first, second).WaitAsync(Limit);
        Assert.Equal(1, _most);
    }

    [Fact]
    public async Task A_failed_lookup_fails_for_all_callers_and_is_retried_by_the_next()
    {
        for (var i = 1; i <= 2; i++)
        {
            await Assert.ThrowsAsync<SocketException>(() => _resolver.ResolveAsync("unknown", default));
            Assert.Equal(i, _lookUps);
        }
    }

    private async Task ResolveAll(CallChain caller, int count, string name, bool isOneName = false)
    {
        RequestContext.Set(caller);
        await Task.WhenAll(Enumerable.Range(0, count).Select(i => _resolver.ResolveAsync(isOneName ? name : $"{name}{i}", default)));
    }

    private async Task StartedAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            Assert.True(await _started.WaitAsync(Limit));
        }
    }

    private IPAddress[] LookUp(string host)
    {
        Assert.False(Thread.CurrentThread.IsThreadPoolThread);
        Interlocked.Increment(ref _lookUps);
        var running = Interlocked.Increment(ref _running);
        for (var most = _most; most < running && Interlocked.CompareExchange(ref _most, running, most) != most;)
        {
            most = _most;
        }

        if (host.StartsWith("dead", StringComparison.OrdinalIgnoreCase))
        {
            _started.Release();
            _end.Wait(Limit);
        }

        Interlocked.Decrement(ref _running);
        return host is "unknown" ? throw new SocketException((int)SocketError.HostNotFound) : [IPAddress.Loopback];
    }
}
