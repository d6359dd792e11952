namespace FunctionsApp.IntegrationTests;

/// <summary>Takes the place of xunit's in this assembly, none of whose tests can do without <see cref="Azurite"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
public class FactAttribute : Xunit.FactAttribute
{
    /// <inheritdoc/>
    public override string? Skip => Azurite.Missing;
}

/// <inheritdoc cref="FactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TheoryAttribute : Xunit.TheoryAttribute
{
    /// <inheritdoc/>
    public override string? Skip => Azurite.Missing;
}
