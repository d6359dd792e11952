using FunctionsApp.Core.Map;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>Pool.map</c></summary>
public sealed class MapFunctions(MapService service, FunctionEndpoint endpoint)
{
    /// <summary>Computes one operation for many items, on every core.</summary>
    [Function("Map")]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "map/{operation}")] HttpRequest request, string operation, CancellationToken cancellationToken) =>
        endpoint.RunAsync(request, async call =>
            JsonAnswer.Ok(await service.RunAsync(operation, await call.ReadAsync<MapRequest>(), call.Cancelled)), cancellationToken);
}
