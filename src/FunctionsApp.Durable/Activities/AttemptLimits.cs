using FunctionsApp.Core.Limits;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Activities;

/// <summary>The time limits of attempts: the app's own, and those of a host that limits how long an activity may take.</summary>
internal sealed class AttemptLimits(IOptions<LimitsOptions> limits, IOptions<DurableHostingOptions> hosting)
{
    /// <summary>How long an attempt waits for its turn at least, whatever the host allows.</summary>
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(100);

    /// <summary>How much of the time that the host allows is left when the end of an attempt is given up.</summary>
    private static readonly TimeSpan StoreMargin = TimeSpan.FromSeconds(5);

    /// <summary>How long after its time limit an attempt counts as lost, although nobody has taken it over.</summary>
    private static readonly TimeSpan LostMargin = TimeSpan.FromMinutes(10);

    /// <summary>How long the end of an attempt may take to be stored, from the beginning of its activity; null for any time.</summary>
    public TimeSpan? Store => hosting.Value.MaxActivityTime is not { } max ? null : max > 2 * StoreMargin ? max - StoreMargin : max / 2;

    /// <summary>How long an execution follows another one; null for any time.</summary>
    public TimeSpan? Follow => hosting.Value.MaxActivityTime / 2;

    /// <summary>
    /// Returns a call with a time limit that this host has too. Another host, with a higher one, may have accepted the task.
    /// </summary>
    public AttemptInput Adopt(AttemptInput call) => call.Definition.TimeoutSeconds > limits.Value.MaxTimeoutSeconds
        ? call with { Definition = call.Definition with { TimeoutSeconds = null } }
        : call;

    /// <summary>Returns how long a call may wait for its turn; null for any time.</summary>
    public TimeSpan? Wait(AttemptInput call) => hosting.Value.MaxActivityTime is not { } max ? null
        : max - Attempt(call) is var wait && wait > MinWait ? wait : MinWait;

    /// <summary>Returns how long after its beginning the attempt of a call counts as lost.</summary>
    public TimeSpan Lost(AttemptInput call) => Attempt(call) + LostMargin;

    private TimeSpan Attempt(AttemptInput call) => TimeSpan.FromSeconds(call.Definition.TimeoutSeconds ?? limits.Value.MaxTimeoutSeconds);
}
