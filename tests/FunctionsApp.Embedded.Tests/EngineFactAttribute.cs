namespace FunctionsApp;

/// <summary>A test of the conformance suite, which needs nothing here.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EngineFactAttribute : FactAttribute;

/// <inheritdoc cref="EngineFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EngineTheoryAttribute : TheoryAttribute;
