using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Operations;

public sealed class OperationCatalogTests
{
    [Fact]
    public async Task An_own_operation_needs_a_class_and_a_line()
    {
        await using var services = TestServices.Create(configure: static services => services.AddOperation<ShoutOperation>());

        var response = await services.GetRequiredService<AwaitService>()
            .RunAsync("shout", FunctionsApp.Core.Json.RawJson.FromUtf8("""{"text":"hey"}"""u8.ToArray()), null, default);

        Assert.Equal("\"HEY!!!\"", response.Result.ToString());
    }

    [Fact]
    public async Task The_schema_comes_from_the_record()
    {
        await using var services = TestServices.Create(configure: static services => services.AddOperation<ShoutOperation>());
        var operation = services.GetRequiredService<OperationCatalog>().Find<Operation>("shout");

        Assert.True(JsonNode.DeepEquals(operation.InputSchema, JsonNode.Parse("""
            {"type":"object",
             "properties":{
               "text":{"type":"string","description":"What to shout.","minLength":1,"maxLength":100},
               "marks":{"type":"integer","minimum":0,"maximum":9,"default":3}},
             "required":["text"],
             "additionalProperties":false}
            """)), operation.InputSchema.ToJsonString());
        Assert.Equal("""{"type":"string"}""", operation.OutputSchema.ToJsonString());
    }

    [Fact]
    public async Task Operations_are_listed_by_name()
    {
        await using var services = TestServices.Create();
        var names = services.GetRequiredService<OperationCatalog>().All.Select(static operation => operation.Name).ToList();

        Assert.Equal(names.Order(StringComparer.Ordinal), names);
        Assert.Contains("primes.factor", names);
    }

    [Theory]
    [InlineData("Delay", "delay")]
    [InlineData("dealy", "delay")]
    [InlineData("square", "math.square")]
    [InlineData("primes.cuont", "primes.count")]
    [InlineData("primes.is_prime", "primes.isPrime")]
    [InlineData("xyzzy", null)]
    [InlineData("", null)]
    public async Task The_nearest_names_are_suggested(string name, string? suggestion)
    {
        await using var services = TestServices.Create();

        var exception = Assert.Throws<ProblemException>(() => services.GetRequiredService<OperationCatalog>().Find<Operation>(name));

        Assert.Equal(suggestion, exception.Problem.Suggestions!.Count == 0 ? null : exception.Problem.Suggestions[0]);
    }

    [Fact]
    public async Task A_name_of_any_length_is_looked_up_quickly()
    {
        await using var services = TestServices.Create();

        var exception = Assert.Throws<ProblemException>(() => services.GetRequiredService<OperationCatalog>().Find<Operation>(new string('a', 1_000_000)));

        Assert.Empty(exception.Problem.Suggestions!);
    }

    [Fact]
    public async Task Two_operations_with_one_name_are_refused()
    {
        await using var services = TestServices.Create(configure: static services => services.AddOperation<ShoutOperation>().AddOperation<OtherShoutOperation>());

        Assert.Contains("'shout'", Assert.Throws<InvalidOperationException>(() => services.GetRequiredService<OperationCatalog>()).Message, StringComparison.Ordinal);
    }

    public sealed record ShoutInput(
        [property: Description("What to shout."), Length(1, 100)] string Text,
        [property: Range(0, 9)] int Marks = 3);

    [Operation("shout", "Says it louder.")]
    public sealed class ShoutOperation : ICpuOperation<ShoutInput, string>
    {
        public string Compute(ShoutInput input, CancellationToken cancellationToken) => input.Text.ToUpperInvariant() + new string('!', input.Marks);
    }

    [Operation("shout", "Also says it louder.")]
    public sealed class OtherShoutOperation : ICpuOperation<ShoutInput, string>
    {
        public string Compute(ShoutInput input, CancellationToken cancellationToken) => input.Text;
    }
}
