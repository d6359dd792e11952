namespace FunctionsApp.Core.Tests;

/// <summary>A theory about what Windows does not allow, such as deleting a file that is open.</summary>
public sealed class UnixTheoryAttribute : TheoryAttribute
{
    /// <inheritdoc/>
    public override string? Skip => OperatingSystem.IsWindows() ? "Windows lets nobody move or delete a file that is open." : null;
}
