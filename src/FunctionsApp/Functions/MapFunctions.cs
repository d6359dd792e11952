using FunctionsApp.Core.Map;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>Pool.map</c>, <c>Pool.imap</c></summary>
public sealed class MapFunctions(MapService service, FunctionEndpoint endpoint)
{
    /// <summary>Computes one operation for many items, on every core; answers with all results, or streams them, even while items still arrive.</summary>
    [Function("Map")]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "map/{operation}")] HttpRequest request, string operation, CancellationToken cancellationToken) =>
        endpoint.RunAsync(request, async call => call switch
        {
            { HasLines: true } => await endpoint.StreamAsync(
                call, StreamLines.Of(service.StreamAsync(operation, call.ReadQuery<MapOptions>(), call.OpenLines(), call.Cancelled))),
            { WantsStream: true } => await endpoint.StreamAsync(
                call, StreamLines.Of(service.StreamAsync(operation, await call.ReadAsync<MapRequest>(), call.Cancelled))),
            _ => JsonAnswer.Ok(await service.RunAsync(operation, await call.ReadAsync<MapRequest>(), call.Cancelled)),
        }, cancellationToken);
}
