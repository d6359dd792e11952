namespace FunctionsApp;

/// <summary>A test that keeps something in <see cref="Azurite"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class AzuriteFactAttribute : FactAttribute
{
    /// <inheritdoc/>
    public override string? Skip => Azurite.Missing;
}

/// <inheritdoc cref="AzuriteFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class AzuriteTheoryAttribute : TheoryAttribute
{
    /// <inheritdoc/>
    public override string? Skip => Azurite.Missing;
}
