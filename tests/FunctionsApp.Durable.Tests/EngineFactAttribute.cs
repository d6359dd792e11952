namespace FunctionsApp;

/// <summary>A test of the conformance suite, which needs Azurite here.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EngineFactAttribute : FactAttribute
{
    public override string? Skip => Azurite.Missing;
}

/// <inheritdoc cref="EngineFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EngineTheoryAttribute : TheoryAttribute
{
    public override string? Skip => Azurite.Missing;
}
