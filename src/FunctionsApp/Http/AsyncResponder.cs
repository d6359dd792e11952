using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Http;

/// <summary>Responds to clients that prefer a task to waiting.</summary>
public sealed class AsyncResponder(TaskService service, IOptions<LimitsOptions> limits)
{
    /// <summary>
    /// Creates a task of the work that the endpoint would otherwise run at once, and responds with 202. If the client waits and
    /// the outcome comes in time, responds with that.
    /// </summary>
    /// <param name="call">The request.</param>
    /// <param name="pattern">The name of the pattern that the endpoint runs.</param>
    /// <param name="operation">The operation of the route, if it names one.</param>
    /// <param name="timeoutSeconds">The time limit, if it is not in the body.</param>
    /// <param name="respond">Turns a task that has succeeded in time into the endpoint's response; by default its result.</param>
    public async Task<IResult> RespondAsync(
        FunctionRequest call, string pattern, string? operation = null,
        double? timeoutSeconds = null, Func<TaskResponse, IResult>? respond = null)
    {
        var input = await call.ReadInputAsync();
        var options = new TaskOptions { TimeoutSeconds = timeoutSeconds };
        var task = await service.CreateAsync(pattern, operation, input, pointer: "", options, call.OriginOf(operation is null ? 1 : 2));
        if (call.Preference.WaitSeconds is not (> 0 and var seconds))
        {
            call.ReportApplied(call.Preference.WhenAsync);
            return JsonResult.TaskAccepted(task);
        }

        try
        {
            task = await service.GetAsync(task.Id, Math.Min(seconds, limits.Value.MaxWaitSeconds), call.Cancelled);
        }
        catch (OperationCanceledException)
        {
            // The host stops, or the client has disconnected: the task is accepted nevertheless.
        }

        var hasEnded = task.Status is TaskState.Succeeded or TaskState.Failed;
        call.ReportApplied(hasEnded ? call.Preference.WhenWaited : call.Preference.WhenAsync);
        return task.Status switch
        {
            TaskState.Succeeded => respond?.Invoke(task) ?? JsonResult.Ok(task.Result ?? RawJson.Null),
            TaskState.Failed => JsonResult.StoredProblem(task.Error!.Value),
            _ => JsonResult.TaskAccepted(task),
        };
    }
}
