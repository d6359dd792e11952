namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>The operations that the project comes with. A host may have others, of whose examples and twins the tests know nothing.</summary>
public static class BuiltIn
{
    public static IReadOnlyList<string> Operations { get; } =
    [
        "compress", "count", "delay", "echo", "fail", "fractal.tile", "greet", "hash", "http.lines", "http.request", "math.pow", "math.square", "pbkdf2",
        "primes.count", "primes.factor", "primes.isPrime", "stats.describe", "text.count", "text.format",
    ];
}
