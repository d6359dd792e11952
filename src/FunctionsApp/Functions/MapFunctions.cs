using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>Pool.map</c>, <c>Pool.imap</c></summary>
public sealed class MapFunctions(MapService service, TaskEndpoint tasks, FunctionEndpoint endpoint)
{
    /// <summary>Computes one operation for many items, on every core; returns or streams all results, even while items arrive, or returns a task.</summary>
    [Function("Map")]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "map/{operation}")] HttpRequest request, string operation) =>
        endpoint.RunAsync(request, async call =>
        {
            call.ReadsLines = true;
            if (call.HasLines)
            {
                var options = call.ReadQuery<MapOptions>(FunctionRequest.HeartbeatParameter);
                var lines = await call.OpenLinesAsync();
                return await endpoint.StreamAsync(call, options.TimeoutSeconds, StreamLines.Of(service.StreamAsync(operation, options, lines, call.Cancelled)));
            }

            if (call.Preference.RespondAsync)
            {
                return await tasks.RespondAsync(call, MapService.Name, operation);
            }

            var map = service.Read(await call.ReadBodyAsync());
            return call.WantsStream
                ? await endpoint.StreamAsync(call, map.TimeoutSeconds, StreamLines.Of(service.StreamAsync(operation, map, call.Cancelled)))
                : JsonResult.Ok(await service.RunAsync(operation, map, call.Cancelled));
        });
}
