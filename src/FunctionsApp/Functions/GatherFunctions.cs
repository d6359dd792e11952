using System.ComponentModel;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>asyncio.gather</c></summary>
public sealed class GatherFunctions(GatherService service, AsyncResponder tasks, FunctionInvoker invoker)
{
    [Function("Gather")]
    [Description(
        "Runs operations concurrently. Responds with all results, streams each result when its call ends, or responds with a task.")]
    public Task<IResult> GatherAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "gather")] HttpRequest request) =>
        invoker.InvokeAsync(request, async call =>
        {
            if (call.Preference.RespondAsync)
            {
                return await tasks.RespondAsync(call, GatherService.Name);
            }

            var gather = await call.ReadAsync<GatherRequest>();
            return call.WantsStream
                ? call.Stream(service.StreamAsync(gather, call.Cancelled), StreamLine.OfGather, gather.TimeoutSeconds)
                : JsonResult.Ok(await service.RunAsync(gather, call.Cancelled));
        });
}
