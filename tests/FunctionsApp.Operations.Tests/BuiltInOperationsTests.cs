using System.Reflection;
using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using FunctionsApp.IntegrationTests.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Operations.Tests;

public class BuiltInOperationsTests
{
    public static TheoryData<Type> Implementations() => new(Registered());

    [Fact]
    public void Every_operation_of_the_folder_is_registered_once()
    {
        var written = typeof(EchoOperation).Assembly.GetTypes().Where(type =>
            string.Equals(type.Namespace, typeof(EchoOperation).Namespace, StringComparison.Ordinal)
            && type.GetCustomAttribute<OperationAttribute>() is not null);

        Assert.Equal(written.OrderBy(type => type.Name, StringComparer.Ordinal), Registered().OrderBy(type => type.Name, StringComparer.Ordinal));
    }

    [Fact]
    public void The_tests_over_HTTP_know_each_by_its_name() => Assert.Equal(
        BuiltIn.Operations, Registered().Select(type => type.GetCustomAttribute<OperationAttribute>()!.Name).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Implementations))]
    public void An_example_is_an_input_that_passes_every_check(Type implementation)
    {
        var example = JsonSerializer.Deserialize(
            implementation.GetCustomAttribute<OperationAttribute>()!.Example, CoreJson.Options.GetTypeInfo(Contract(implementation)[0]));

        Assert.Empty((example as ICrossChecked)?.Check() ?? []);
    }

    /// <summary>The ones on a hot path; any other operation may do with reflection, which costs once, when it is first used.</summary>
    [Theory]
    [InlineData(typeof(EchoOperation))]
    [InlineData(typeof(MathSquareOperation))]
    [InlineData(typeof(Pbkdf2Operation))]
    [InlineData(typeof(PrimesIsPrimeOperation))]
    [InlineData(typeof(FractalTileOperation))]
    public void Operations_for_large_maps_have_generated_metadata(Type implementation)
    {
        Assert.All(Contract(implementation), type => Assert.NotNull(BuiltInJsonContext.Default.GetTypeInfo(type)));
    }

    [Fact]
    public void Absent_properties_have_their_defaults()
    {
        Assert.Equal(new GreetInput("World", 1), Read<GreetInput>("{}"));
        Assert.Equal(new CountInput(3, 0, 0, 1), Read<CountInput>("""{"count":3}"""));
        Assert.Equal(new Pbkdf2Input("p", "s", 600_000, 32, "sha256"), Read<Pbkdf2Input>("""{"password":"p","salt":"s"}"""));
        Assert.Equal(new CompressInput("t", null, "gzip", null), Read<CompressInput>("""{"text":"t"}"""));
        Assert.Equal(1_000, Read<FractalTileInput>(
            """{"centerX":0,"centerY":0,"scale":1,"column":0,"row":0,"columns":1,"rows":1,"size":1}""").MaxIterations);
    }

    [Fact]
    public void Required_properties_are_required()
    {
        Assert.Equal("/centerX, /centerY, /scale, /column, /row, /columns, /rows, /size", ValidationErrors<FractalTileInput>("{}"));
        Assert.Equal("/n", ValidationErrors<PrimesIsPrimeInput>("{}"));
        Assert.Equal("/value", ValidationErrors<EchoInput>("{}"));
    }

    [Fact]
    public void Ranges_and_choices_are_enforced()
    {
        Assert.Equal("/n", ValidationErrors<PrimesFactorInput>("""{"n":0}"""));
        Assert.Equal("/n", ValidationErrors<PrimesFactorInput>("""{"n":9223372036854775808}"""));
        Assert.Equal("/algorithm", ValidationErrors<HashInput>("""{"text":"","algorithm":"crc32"}"""));
        Assert.Equal("/base64", ValidationErrors<HashInput>("""{"base64":"?"}"""));
        Assert.Equal("/values", ValidationErrors<StatsDescribeInput>("""{"values":[]}"""));
        Assert.Equal("/name", ValidationErrors<GreetInput>("""{"name":""}"""));
        Assert.Equal("/level", ValidationErrors<CompressInput>("""{"text":"","level":12}"""));
        Assert.Equal(9_223_372_036_854_775_807, Read<PrimesFactorInput>("""{"n":9223372036854775807}""").N);
    }

    [Fact]
    public void Rules_over_several_properties_are_enforced()
    {
        Assert.Equal("", ValidationErrors<HashInput>("{}"));
        Assert.Equal("/password, /salt", ValidationErrors<Pbkdf2Input>("{}"));
        Assert.Equal("/saltBase64", ValidationErrors<Pbkdf2Input>("""{"password":"p","salt":"s","saltBase64":"cw=="}"""));
        Assert.Equal("/saltBase64", ValidationErrors<Pbkdf2Input>("""{"password":"p","saltBase64":"?"}"""));
        Assert.Equal("/values/a", ValidationErrors<TextFormatInput>("""{"template":"{a}"}"""));
        Assert.Equal("/level", ValidationErrors<CompressInput>("""{"text":"","level":10}"""));
        Assert.Equal("/column, /row", ValidationErrors<FractalTileInput>(
            """{"centerX":0,"centerY":0,"scale":1,"column":1,"row":1,"columns":1,"rows":1,"size":1}"""));
    }

    [Fact]
    public void Echo_takes_null_for_a_value()
    {
        Assert.Equal("null", Read<EchoInput>("""{"value":null}""").Value.ToString());
    }

    private static T Read<T>(string json) => new JsonContract<T>().Read(Encoding.UTF8.GetBytes(json), "");

    private static string ValidationErrors<T>(string json) =>
        string.Join(", ", Assert.Throws<ProblemException>(() => Read<T>(json)).Problem.Errors!.Keys);

    /// <summary>The built-in operations. A user's own may be registered beside them, in a namespace of their own.</summary>
    internal static List<Type> Registered() =>
        [.. new ServiceCollection().AddBuiltInOperations().Select(service => service.ImplementationInstance).OfType<OperationRegistration>()
            .Select(registration => registration.Implementation)
            .Where(type => string.Equals(type.Namespace, typeof(EchoOperation).Namespace, StringComparison.Ordinal))];

    private static Type[] Contract(Type implementation) => implementation.GetInterfaces().Single(type => type.IsGenericType).GetGenericArguments();
}
