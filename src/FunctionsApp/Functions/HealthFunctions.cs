using FunctionsApp.Core.Health;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary>Whether the app is alive, and whether it accepts work.</summary>
public sealed class HealthFunctions(HealthService service, FunctionInvoker invoker)
{
    /// <summary>Returns 200 while the process responds.</summary>
    [Function("HealthLive"), DisableRateLimiting]
    public Task<IResult> LiveAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "health/live")] HttpRequest request) =>
        invoker.RunAsync(request, _ => Task.FromResult(JsonResult.Ok(HealthResponse.Live)));

    /// <summary>Returns 200 while new work is accepted.</summary>
    [Function("HealthReady"), DisableRateLimiting]
    public Task<IResult> ReadyAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "health/ready")] HttpRequest request) =>
        invoker.RunAsync(request, _ => Task.FromResult(JsonResult.Ok(service.Ready())));
}
