namespace FunctionsApp.Benchmarks;

/// <summary>Bodies of requests.</summary>
internal static class Requests
{
    /// <summary>The same call many times.</summary>
    public static string Gather(int calls, string call) => $$"""{"calls":[{{string.Join(',', Enumerable.Repeat(call, calls))}}]}""";
}
