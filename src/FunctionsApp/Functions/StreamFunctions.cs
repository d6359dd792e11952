using System.ComponentModel;
using FunctionsApp.Core.Patterns.Streaming;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>async for</c></summary>
public sealed class StreamFunctions(StreamService service, FunctionInvoker invoker)
{
    [Function("Stream")]
    [Description("Sends the values of an operation when it yields them.")]
    public Task<IResult> StreamAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "stream/{operation}")] HttpRequest request, string operation) =>
        invoker.InvokeAsync(request, async call =>
        {
            var values = service.Run(operation, await call.ReadInputAsync(), call.TimeoutSeconds, call.Cancelled);
            return call.Stream(values, StreamLine.OfStream, call.TimeoutSeconds);
        });
}
