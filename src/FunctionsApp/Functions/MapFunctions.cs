using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>Pool.map</c>, <c>Pool.imap</c></summary>
public sealed class MapFunctions(MapService service, AsyncResponder responder, FunctionInvoker invoker)
{
    /// <summary>Computes one operation for many items, on every core; returns or streams all results, even while items arrive, or returns a task.</summary>
    [Function("Map")]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "map/{operation}")] HttpRequest request, string operation) =>
        invoker.RunAsync(request, async call =>
        {
            call.ReadsLines = true;
            if (call.HasLines)
            {
                var options = call.ReadQuery<MapOptions>(FunctionRequest.HeartbeatParameter);
                return await invoker.StreamAsync(call, options.TimeoutSeconds, StreamLines.Of(service.StreamAsync(operation, options, await call.OpenLinesAsync(), call.Cancelled)));
            }

            if (call.Preference.RespondAsync)
            {
                return await responder.RespondAsync(call, MapService.Name, operation);
            }

            var map = await call.ReadAsync<MapRequest>();
            return call.WantsStream
                ? await invoker.StreamAsync(call, map.TimeoutSeconds, StreamLines.Of(service.StreamAsync(operation, map, call.Cancelled)))
                : JsonResult.Ok(await service.RunAsync(operation, map, call.Cancelled));
        });
}
