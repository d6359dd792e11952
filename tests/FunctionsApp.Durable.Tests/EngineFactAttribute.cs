namespace FunctionsApp;

/// <summary>A test of the conformance suite, which needs Azurite here.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EngineFactAttribute : AzuriteFactAttribute;

/// <inheritdoc cref="EngineFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EngineTheoryAttribute : AzuriteTheoryAttribute;
