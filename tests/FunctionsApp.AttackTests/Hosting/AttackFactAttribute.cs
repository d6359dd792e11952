namespace FunctionsApp.AttackTests.Hosting;

/// <summary>An attack on a host whose memory is watched.</summary>
public sealed class AttackFactAttribute : FactAttribute
{
    /// <inheritdoc/>
    public override string? Skip => OperatingSystem.IsLinux() ? null : "Reads what only Linux shows of a process.";
}
