using FunctionsApp.Core.Patterns.Streaming;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>async for</c></summary>
public sealed class StreamFunctions(StreamService service, FunctionInvoker invoker)
{
    /// <summary>Sends the values of an operation as it yields them.</summary>
    [Function("Stream")]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "stream/{operation}")] HttpRequest request, string operation) =>
        invoker.RunAsync(request, async call =>
            await invoker.StreamAsync(
                call, call.TimeoutSeconds, StreamLines.Of(service.Run(operation, await call.ReadInputAsync(), call.TimeoutSeconds, call.Cancelled))));
}
