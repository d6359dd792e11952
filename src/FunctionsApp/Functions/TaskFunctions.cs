using System.ComponentModel;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>create_task</c>, <c>await task</c>, <c>task.cancel()</c></summary>
public sealed class TaskFunctions(TaskService service, FunctionInvoker invoker)
{
    [Function("CreateTask")]
    [Description("Creates a task of one operation.")]
    public Task<IResult> CreateAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "tasks/{operation}")] HttpRequest request, string operation) =>
        invoker.InvokeAsync(request, async call =>
            JsonResult.TaskAccepted(await service.CreateAsync(operation, await call.ReadAsync<TaskRequest>(), call.OriginOf(segments: 2))));

    [Function("CreatePatternTask")]
    [Description("Creates a task of a pattern.")]
    public Task<IResult> CreateOfPatternAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "tasks")] HttpRequest request) =>
        invoker.InvokeAsync(request, async call =>
            JsonResult.TaskAccepted(await service.CreateAsync(await call.ReadAsync<PatternTaskRequest>(), call.OriginOf(segments: 1))));

    [Function("GetTask"), Watch("waitSeconds")]
    [Description("Returns a task, and waits for its end if requested.")]
    public Task<IResult> GetAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "tasks/{id}")] HttpRequest request, string id) =>
        invoker.InvokeAsync(request, async call =>
            JsonResult.Ok(await service.GetAsync(id, call.ReadSeconds("waitSeconds"), call.Cancelled)));

    [Function("CancelTask")]
    [Description("Cancels a task.")]
    public Task<IResult> CancelAsync(
        [HttpTrigger(AuthorizationLevel.Function, "delete", Route = "tasks/{id}")] HttpRequest request, string id) =>
        invoker.InvokeAsync(request, async _ => JsonResult.TaskAccepted(await service.CancelAsync(id)));

    [Function("WatchTask"), Watch]
    [Description("Streams the changes of a task until its end.")]
    public Task<IResult> WatchAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "tasks/{id}/events")] HttpRequest request, string id) =>
        invoker.InvokeAsync(request, call => Task.FromResult(call.Stream(
            service.WatchAsync(id, call.LastEventId, call.Cancelled), StreamLine.OfTask, format: ResponseFormat.EventStream)));

    [Function("ListTasks")]
    [Description("Lists tasks.")]
    public Task<IResult> ListAsync(
        [HttpTrigger(AuthorizationLevel.Admin, "get", "head", Route = "tasks")] HttpRequest request) =>
        invoker.InvokeAsync(request, async call =>
            JsonResult.Ok(await service.ListAsync(call.ReadQuery<TaskListRequest>())));

    [Function("ListDeliveries")]
    [Description("Lists a webhook's delivery attempts.")]
    public Task<IResult> ListDeliveriesAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "tasks/{id}/deliveries")] HttpRequest request, string id) =>
        invoker.InvokeAsync(request, async _ => JsonResult.Ok(await service.GetDeliveriesAsync(id)));

    [Function("Redeliver")]
    [Description("Sends the webhook of a task again.")]
    public Task<IResult> RedeliverAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "tasks/{id}/deliveries")] HttpRequest request, string id) =>
        invoker.InvokeAsync(request, async _ => JsonResult.Accepted(await service.RedeliverAsync(id)));
}
