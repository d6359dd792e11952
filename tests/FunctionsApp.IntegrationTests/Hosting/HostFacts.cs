namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>What a test needs, beside a host.</summary>
public enum Needs
{
    /// <summary>Nothing.</summary>
    Nothing,

    /// <summary>A system that can ask a process to stop; Windows has no SIGTERM.</summary>
    Signals,

    /// <summary>What of processes only Linux shows.</summary>
    Linux,

    /// <summary>A file system of its own, which only root may mount, on Linux.</summary>
    Tmpfs,
}

/// <summary>A test that starts hosts of its own, of either kind.</summary>
public class OwnHostFactAttribute(Needs needs = Needs.Nothing) : FactAttribute
{
    /// <inheritdoc/>
    public override string? Skip =>
        FunctionsAppFixture.ExternalBaseUrl is not null ? "Starts hosts of its own, while FUNCTIONS_BASE_URL names another app to test."
        : needs == Needs.Signals && OperatingSystem.IsWindows() ? "Windows has no SIGTERM."
        : needs == Needs.Linux && !OperatingSystem.IsLinux() ? "Reads what only Linux shows of a process, or trusts a certificate by SSL_CERT_FILE."
        : needs == Needs.Tmpfs && !Tmpfs.IsPermitted ? "Mounts a tmpfs, which only root may, on Linux."
        : base.Skip;
}

/// <summary>A test of what only LocalHost does. It says what the platform does instead.</summary>
/// <param name="reason">Why the test makes no sense on TestHost.</param>
/// <param name="needs">What else it needs.</param>
public sealed class LocalHostFactAttribute(string reason, Needs needs = Needs.Nothing) : OwnHostFactAttribute(needs)
{
    /// <inheritdoc/>
    public override string? Skip => Hosts.AreTestHosts ? reason : base.Skip;
}

/// <summary>A test of what only tasks in a directory do. It says what those in Azure Storage do instead.</summary>
/// <param name="reason">Why the test makes no sense with the durable engine.</param>
/// <param name="needs">What else it needs.</param>
public sealed class EmbeddedFactAttribute(string reason, Needs needs = Needs.Nothing) : OwnHostFactAttribute(needs)
{
    /// <summary>Whether it starts no hosts of its own, so that the app to test may be any.</summary>
    public bool IsOfSharedApp { get; set; }

    /// <inheritdoc/>
    public override string? Skip => Hosts.AreDurable ? reason : IsOfSharedApp ? null : base.Skip;
}
