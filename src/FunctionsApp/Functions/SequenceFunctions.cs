using FunctionsApp.Core.Patterns.Sequence;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>await a(); await b()</c></summary>
public sealed class SequenceFunctions(SequenceService service, AsyncResponder responder, FunctionInvoker invoker)
{
    /// <summary>Runs operations one after the other; returns all results, or a task.</summary>
    [Function("Sequence")]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "sequence")] HttpRequest request) =>
        invoker.RunAsync(request, async call =>
            call.Preference.RespondAsync
                ? await responder.RespondAsync(call, SequenceService.Name)
                : JsonResult.Ok(await service.RunAsync(await call.ReadAsync<SequenceRequest>(), call.Cancelled)));
}
