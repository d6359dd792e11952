using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.AttackTests.Hosting;

/// <summary>
/// The host that one kind of attack is about. Its heap may have as much as in a container of 512 MiB. An attack that succeeds
/// condemns it: the next one gets a new host, and fails for a reason of its own.
/// </summary>
public sealed class AttackedHost : IAsyncLifetime
{
    private bool _isCondemned;

    /// <summary>The most that any host of this kind of attack has had resident.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>The host of the last attack; null before the first.</summary>
    public LocalHostProcess? Last { get; private set; }

    /// <summary>A host that no attack has harmed.</summary>
    public async Task<LocalHostProcess> GetAsync()
    {
        if (_isCondemned)
        {
            await DisposeAsync();
            (Last, _isCondemned) = (null, false);
        }

        return Last ??= await StartAsync();
    }

    /// <summary>Starts a host of a test's own.</summary>
    public static Task<LocalHostProcess> StartAsync() => LocalHostProcess.StartAsync(
        ("DOTNET_GCHeapHardLimit", "0x18000000"),
        ("Outbound__AllowedHosts__0", "127.0.0.1"));

    /// <summary>Takes down how much memory the host has had since the last attack.</summary>
    /// <returns>Its peak, in bytes; 0 where it lives no more.</returns>
    public long Measure()
    {
        var peak = Last is { HasExited: false } ? Last.PeakMemoryBytes : 0;
        PeakBytes = Math.Max(PeakBytes, peak);
        return peak;
    }

    /// <summary>Keeps the next attack off this host.</summary>
    public void Condemn() => _isCondemned = true;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (Last is not null)
        {
            await Last.DisposeAsync();
        }
    }
}
