using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Http;

/// <summary>Answers clients that would rather have a task than wait.</summary>
public sealed class TaskEndpoint(TaskService service, IOptions<LimitsOptions> limits)
{
    /// <summary>
    /// Creates a task of what the endpoint would run at once if the client did not prefer it so, and answers 202 with it; or
    /// with what it came to, where the client would wait for that and it comes in time.
    /// </summary>
    /// <param name="call">The request.</param>
    /// <param name="pattern">The name of the pattern that the endpoint runs.</param>
    /// <param name="operation">The operation of the route, if that names one.</param>
    public async Task<IResult> RespondAsync(FunctionRequest call, string pattern, string? operation = null)
    {
        var input = await call.ReadInputAsync();
        var options = new TaskOptions { TimeoutSeconds = string.Equals(pattern, AwaitService.Name, StringComparison.Ordinal) ? call.TimeoutSeconds : null };
        var task = await service.CreateAsync(pattern, operation, input, pointer: "", options, call.OriginOf(operation is null ? 1 : 2));
        if (call.Preference.WaitSeconds is not (> 0 and var seconds))
        {
            return new AcceptedResult(task, call.Preference);
        }

        try
        {
            task = await service.GetAsync(task.Id, Math.Min(seconds, limits.Value.MaxWaitSeconds), call.Cancelled);
        }
        catch (OperationCanceledException)
        {
            // The host stops, or the client has gone: the task is accepted all the same.
        }

        return task.Status is TaskState.Succeeded or TaskState.Failed ? new OutcomeResult(task, call.Preference) : new AcceptedResult(task, call.Preference);
    }
}
