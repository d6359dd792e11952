namespace FunctionsApp;

/// <summary>A test that keeps something in <see cref="Azurite"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal class AzuriteFactAttribute : FactAttribute
{
    /// <inheritdoc/>
    public override string? Skip => Azurite.Missing;
}

/// <inheritdoc cref="AzuriteFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal class AzuriteTheoryAttribute : TheoryAttribute
{
    /// <inheritdoc/>
    public override string? Skip => Azurite.Missing;
}
