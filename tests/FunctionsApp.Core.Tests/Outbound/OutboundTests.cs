using System.Net;
using System.Net.Sockets;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Outbound;

/// <summary>What the tests of outbound requests need: a guard without a network.</summary>
public abstract class OutboundTests
{
    protected static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    protected ScriptedResolver Resolver { get; } = new();

    protected OutboundGuard Guard(OutboundOptions? options = null, AppIdentity? app = null) =>
        new(Options.Create(options ?? new OutboundOptions()), Resolver, app ?? Identity(options));

    protected static AppIdentity Identity(OutboundOptions? options = null) => new(Options.Create(options ?? new OutboundOptions()));

    protected static string Refused(Action action)
    {
        var problem = Assert.Throws<ProblemException>(action).Problem;
        Assert.Equal(("/problems/destination-not-allowed", 403), (problem.Type, problem.Status));
        return problem.Detail;
    }
}

/// <summary>Answers with one list of addresses after the other; the last one stays.</summary>
public sealed class ScriptedResolver : IHostResolver
{
    private readonly Queue<string[]> _answers = new();
    private string[] _last = [];

    public int Asked { get; private set; }

    /// <summary>None means a name that cannot be resolved at the moment.</summary>
    public void Answer(params string[] addresses) => _answers.Enqueue(addresses);

    public Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        Asked++;
        _last = _answers.TryDequeue(out var next) ? next : _last;
        return _last.Length == 0
            ? Task.FromException<IPAddress[]>(new SocketException((int)SocketError.TryAgain))
            : Task.FromResult(Array.ConvertAll(_last, IPAddress.Parse));
    }
}
