using System.ComponentModel;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary>A page to try the patterns on.</summary>
public sealed class PlaygroundFunctions(FunctionInvoker invoker, PlaygroundResult page)
{
    // It needs no key. The endpoints that it calls do, and it then asks for one.
    [Function("Playground")]
    [Description("Returns a page that runs each pattern and draws a timeline of it.")]
    public Task<IResult> ShowAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "playground")] HttpRequest request) =>
        invoker.InvokeAsync(request, _ => Task.FromResult<IResult>(page));
}
