using FunctionsApp.Core.Await;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>await f(x)</c></summary>
public sealed class AwaitFunctions(AwaitService service, FunctionEndpoint endpoint)
{
    /// <summary>Runs one operation and answers with its result.</summary>
    [Function("Await")]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "await/{operation}")] HttpRequest request, string operation, CancellationToken cancellationToken) =>
        endpoint.RunAsync(request, async call =>
            JsonAnswer.Ok(await service.RunAsync(operation, await call.ReadInputAsync(), call.TimeoutSeconds, call.Cancelled)), cancellationToken);
}
