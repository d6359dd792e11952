using System.ComponentModel;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>Pool.map</c>, <c>Pool.imap</c></summary>
public sealed class MapFunctions(MapRequestReader reader, MapService service, AsyncResponder tasks, FunctionInvoker invoker)
{
    [Function("Map")]
    [Description(
        "Runs one operation for many items: a cpu operation on every core, an io operation as many calls at once. "
        + "Responds with all results, streams them, even while items still arrive, or responds with a task.")]
    public Task<IResult> MapAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "map/{operation}")] HttpRequest request, string operation) =>
        invoker.InvokeAsync(request, async call =>
        {
            call.ReadsLines = true;
            if (call.HasLines)
            {
                var options = call.ReadQuery<MapOptions>(FunctionRequest.HeartbeatParameter);
                var lines = await call.OpenLinesAsync();
                var results = service.StreamAsync(operation, options, lines, call.Cancelled);
                return call.Stream(results, StreamLine.OfMap, options.TimeoutSeconds);
            }

            if (call.Preference.RespondAsync)
            {
                return await tasks.RespondAsync(call, MapService.Name, operation);
            }

            var map = await call.ReadAsync(reader.Read<MapRequest>);
            return call.WantsStream
                ? call.Stream(service.StreamAsync(operation, map, call.Cancelled), StreamLine.OfMap, map.TimeoutSeconds)
                : JsonResult.Ok(await service.RunAsync(operation, map, call.Cancelled));
        });
}
