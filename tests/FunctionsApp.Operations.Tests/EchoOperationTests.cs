using FunctionsApp.Core.Tests.Json;

namespace FunctionsApp.Operations.Tests;

public class EchoOperationTests
{
    [Theory]
    [InlineData("null")]
    [InlineData("\"text\"")]
    [InlineData("""{"a":[1,2.50,true]}""")]
    public async Task Returns_the_value_as_it_is_written(string json)
    {
        var result = await new EchoOperation().RunAsync(new EchoInput(Samples.Raw(json)), default);

        Assert.Equal(json, result.ToString());
    }
}
