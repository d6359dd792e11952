using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary>A page to try the patterns on.</summary>
public sealed class PlaygroundFunctions(FunctionInvoker invoker, PlaygroundResult page)
{
    /// <summary>Returns the page. It needs no key; the endpoints that it calls do, and it then asks for one.</summary>
    [Function("Playground")]
    public Task<IResult> ShowAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "playground")] HttpRequest request) =>
        invoker.RunAsync(request, _ => Task.FromResult<IResult>(page));
}
