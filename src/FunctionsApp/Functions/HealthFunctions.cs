using System.ComponentModel;
using FunctionsApp.Core.Health;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary>Whether the app is alive, and whether it accepts work.</summary>
public sealed class HealthFunctions(HealthService service, FunctionInvoker invoker)
{
    [Function("HealthLive"), DisableRateLimiting]
    [Description("Responds 200 while the process serves requests.")]
    public Task<IResult> LiveAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "health/live")] HttpRequest request) =>
        invoker.InvokeAsync(request, _ => Task.FromResult(JsonResult.Ok(HealthResponse.Live)));

    [Function("HealthReady"), DisableRateLimiting]
    [Description("Responds 200 while the app accepts new work.")]
    public Task<IResult> ReadyAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "health/ready")] HttpRequest request) =>
        invoker.InvokeAsync(request, _ => Task.FromResult(JsonResult.Ok(service.Ready())));
}
