using FunctionsApp.Core.Callback;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>async_task(callback)</c></summary>
public sealed class CallbackFunctions(CallbackService service, FunctionEndpoint endpoint)
{
    /// <summary>Runs an operation, and then the continuation that its outcome asks for.</summary>
    [Function("Callback")]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "callback/{operation}")] HttpRequest request, string operation, CancellationToken cancellationToken) =>
        endpoint.RunAsync(request, async call =>
            JsonAnswer.Ok(await service.RunAsync(operation, await call.ReadAsync<CallbackRequest>(), call.Cancelled)), cancellationToken);
}
