using System.ComponentModel;
using FunctionsApp.Core.Patterns.Callback;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>async_task(callback)</c></summary>
public sealed class CallbackFunctions(CallbackService service, TaskService tasks, FunctionInvoker invoker)
{
    [Function("Callback")]
    [Description("Runs an operation, then the continuation for its outcome. If a continuation is a URL, responds with a task.")]
    public Task<IResult> CallbackAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "callback/{operation}")] HttpRequest request, string operation) =>
        invoker.InvokeAsync(request, async call =>
        {
            var callback = await call.ReadAsync<CallbackRequest>();
            return callback.HasUrl
                ? JsonResult.TaskAccepted(await tasks.CreateAsync(operation, callback, call.OriginOf(segments: 2)))
                : JsonResult.Ok((await service.RunAsync(operation, callback, call.Cancelled)).Response!);
        });
}
