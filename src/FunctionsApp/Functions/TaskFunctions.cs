using FunctionsApp.Core.Tasks;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>create_task</c>, <c>await task</c>, <c>task.cancel()</c></summary>
public sealed class TaskFunctions(TaskService service, FunctionInvoker invoker)
{
    /// <summary>Creates a task of one operation.</summary>
    [Function("CreateTask")]
    public Task<IResult> CreateAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "tasks/{operation}")] HttpRequest request, string operation) =>
        invoker.RunAsync(request, async call =>
            new AcceptedResult(await service.CreateAsync(operation, await call.ReadAsync<TaskRequest>(), call.OriginOf(segments: 2))));

    /// <summary>Creates a task of a pattern.</summary>
    [Function("CreatePatternTask")]
    public Task<IResult> CreateOfPatternAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "tasks")] HttpRequest request) =>
        invoker.RunAsync(request, async call =>
            new AcceptedResult(await service.CreateAsync(await call.ReadAsync<PatternTaskRequest>(), call.OriginOf(segments: 1))));

    /// <summary>Reads a task, and waits a limited time for its end.</summary>
    [Function("GetTask"), Watch("waitSeconds")]
    public Task<IResult> GetAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "tasks/{id}")] HttpRequest request, string id) =>
        invoker.RunAsync(request, async call =>
            JsonResult.Ok(await service.GetAsync(id, call.ReadSeconds("waitSeconds"), call.Cancelled)));

    /// <summary>Cancels a task.</summary>
    [Function("CancelTask")]
    public Task<IResult> CancelAsync(
        [HttpTrigger(AuthorizationLevel.Function, "delete", Route = "tasks/{id}")] HttpRequest request, string id) =>
        invoker.RunAsync(request, async _ => new AcceptedResult(await service.CancelAsync(id)));

    /// <summary>Streams the changes of a task until its end.</summary>
    [Function("WatchTask"), Watch]
    public Task<IResult> WatchAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "tasks/{id}/events")] HttpRequest request, string id) =>
        invoker.RunAsync(request, call =>
            invoker.StreamAsync(call, timeoutSeconds: null, StreamLines.Of(service.WatchAsync(id, call.LastEventId, call.Cancelled)), ResponseFormat.EventStream));

    /// <summary>Lists tasks.</summary>
    [Function("ListTasks")]
    public Task<IResult> ListAsync(
        [HttpTrigger(AuthorizationLevel.Admin, "get", "head", Route = "tasks")] HttpRequest request) =>
        invoker.RunAsync(request, async call =>
            JsonResult.Ok(await service.ListAsync(call.ReadQuery<TaskListRequest>())));

    /// <summary>Lists the delivery attempts of a task's webhook.</summary>
    [Function("ListDeliveries")]
    public Task<IResult> ListDeliveriesAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "tasks/{id}/deliveries")] HttpRequest request, string id) =>
        invoker.RunAsync(request, async _ => JsonResult.Ok(await service.GetDeliveriesAsync(id)));

    /// <summary>Sends the webhook of a task again.</summary>
    [Function("Redeliver")]
    public Task<IResult> RedeliverAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "tasks/{id}/deliveries")] HttpRequest request, string id) =>
        invoker.RunAsync(request, async _ => JsonResult.Accepted(await service.RedeliverAsync(id)));
}
