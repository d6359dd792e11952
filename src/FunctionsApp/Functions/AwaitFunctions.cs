using System.ComponentModel;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>await f(x)</c></summary>
public sealed class AwaitFunctions(AwaitService service, AsyncResponder tasks, FunctionInvoker invoker)
{
    [Function("Await")]
    [Description("Runs one operation. Responds with its result, or with a task.")]
    public Task<IResult> AwaitAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "await/{operation}")] HttpRequest request, string operation) =>
        invoker.InvokeAsync(request, async call =>
            call.Preference.RespondAsync
                ? await tasks.RespondAsync(call, AwaitService.Name, operation, call.TimeoutSeconds, Respond)
                : JsonResult.Ok(await service.RunAsync(operation, await call.ReadInputAsync(), call.TimeoutSeconds, call.Cancelled)));

    private static IResult Respond(TaskResponse task)
    {
        var elapsed = (task.FinishedAt - task.StartedAt).GetValueOrDefault();
        return JsonResult.Ok(new AwaitResponse(task.Operation!, task.Result!.Value, Math.Round(elapsed.TotalMilliseconds, 3)));
    }
}
