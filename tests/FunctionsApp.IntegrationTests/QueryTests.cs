using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>
/// The platform binds the parameters of a function by their names: to a part of the route, but also to the query and to the properties
/// of a JSON body.
/// </summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class QueryTests(FunctionsAppFixture app)
{
    private const string Names = "cancellationToken=x&operation=fail&name=fail&id=x&request=x&context=x&headers=x&query=x";

    [Theory]
    [InlineData("await/echo", """{"value":1}""")]
    [InlineData("sequence", """{"steps":[{"operation":"echo","input":{"value":1}}]}""")]
    [InlineData("callback/echo", """{"input":{"value":1},"onSuccess":{"operation":"echo"}}""")]
    [InlineData("gather", """{"calls":[{"operation":"echo","input":{"value":1}}]}""")]
    [InlineData("map/math.square", """{"items":[1]}""")]
    [InlineData("stream/count", """{"count":1}""")]
    [InlineData("tasks/echo", """{"input":{"value":1}}""")]
    [InlineData("tasks", """{"pattern":"map","operation":"math.square","request":{"items":[1]}}""")]
    public async Task A_query_with_the_names_of_parameters_changes_nothing(string path, string body)
    {
        using var response = await app.Api.SendAsync($"{path}?{Names}", body);

        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("health/live")]
    [InlineData("operations")]
    [InlineData("operations/echo")]
    [InlineData("openapi.json")]
    public async Task A_query_with_the_names_of_parameters_changes_no_GET(string path)
    {
        using var response = await app.Api.Http.GetAsync(new Uri($"{path}?{Names}", UriKind.Relative));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task A_body_with_the_names_of_parameters_is_validated_as_usual()
    {
        var response = await app.Api.PostAsync("await/echo", """{"value":1,"operation":"fail","cancellationToken":1,"request":{}}""");

        Assert.Equal("invalid-request", response.Problem);
        Assert.Equal(["/operation", "/cancellationToken", "/request"], response.ValidationErrors);
    }
}
