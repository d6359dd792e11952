using System.ComponentModel;
using FunctionsApp.Core.Patterns.Sequence;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>await a(); await b()</c></summary>
public sealed class SequenceFunctions(SequenceService service, AsyncResponder tasks, FunctionInvoker invoker)
{
    [Function("Sequence")]
    [Description("Runs operations one after the other. Responds with all results, or with a task.")]
    public Task<IResult> SequenceAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "sequence")] HttpRequest request) =>
        invoker.InvokeAsync(request, async call =>
            call.Preference.RespondAsync
                ? await tasks.RespondAsync(call, SequenceService.Name)
                : JsonResult.Ok(await service.RunAsync(await call.ReadAsync<SequenceRequest>(), call.Cancelled)));
}
