using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Operations;

/// <summary>
/// Metadata of the inputs and outputs of the built-in operations. The inputs are positional records because generated
/// metadata resets absent init-only properties to their type's default, but honours defaults of constructor parameters.
/// </summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(DelayInput))]
[JsonSerializable(typeof(EchoInput))]
[JsonSerializable(typeof(FailInput))]
[JsonSerializable(typeof(TextFormatInput))]
[JsonSerializable(typeof(GreetInput))]
[JsonSerializable(typeof(CountInput))]
[JsonSerializable(typeof(MathSquareInput))]
[JsonSerializable(typeof(MathPowInput))]
[JsonSerializable(typeof(HashInput))]
[JsonSerializable(typeof(Pbkdf2Input))]
[JsonSerializable(typeof(PrimesIsPrimeInput))]
[JsonSerializable(typeof(PrimesFactorInput))]
[JsonSerializable(typeof(PrimesCountInput))]
[JsonSerializable(typeof(TextCountInput))]
[JsonSerializable(typeof(StatsDescribeInput))]
[JsonSerializable(typeof(CompressInput))]
[JsonSerializable(typeof(FractalTileInput))]
[JsonSerializable(typeof(HttpRequestInput))]
[JsonSerializable(typeof(HttpLinesInput))]
[JsonSerializable(typeof(RawJson?))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(long[]))]
[JsonSerializable(typeof(Number))]
[JsonSerializable(typeof(TextCountOutput))]
[JsonSerializable(typeof(StatsDescribeOutput))]
[JsonSerializable(typeof(CompressOutput))]
[JsonSerializable(typeof(FractalTileOutput))]
[JsonSerializable(typeof(HttpRequestOutput))]
internal sealed partial class BuiltInJsonContext : JsonSerializerContext;
