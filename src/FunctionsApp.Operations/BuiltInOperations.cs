using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Operations;

/// <summary>Registration of the built-in operations.</summary>
public static class BuiltInOperations
{
    /// <summary>
    /// Adds the built-in operations. They need a <see cref="TimeProvider"/>; the HTTP operations also need an
    /// <see cref="Core.Outbound.OutboundClient"/>.
    /// </summary>
    public static IServiceCollection AddBuiltInOperations(this IServiceCollection services)
    {
        CoreJson.Add(BuiltInJsonContext.Default);
        return services
            .AddOperation<DelayOperation>()
            .AddOperation<EchoOperation>()
            .AddOperation<FailOperation>()
            .AddOperation<TextFormatOperation>()
            .AddOperation<GreetOperation>()
            .AddOperation<CountOperation>()
            .AddOperation<MathSquareOperation>()
            .AddOperation<MathPowOperation>()
            .AddOperation<HashOperation>()
            .AddOperation<Pbkdf2Operation>()
            .AddOperation<PrimesIsPrimeOperation>()
            .AddOperation<PrimesFactorOperation>()
            .AddOperation<PrimesCountOperation>()
            .AddOperation<TextCountOperation>()
            .AddOperation<StatsDescribeOperation>()
            .AddOperation<CompressOperation>()
            .AddOperation<FractalTileOperation>()
            .AddOperation<HttpRequestOperation>()
            .AddOperation<HttpLinesOperation>();
    }
}
