using FunctionsApp.Core.Tasks;
using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Http;

/// <summary>Answers requests that create tasks.</summary>
public sealed class TaskEndpoint(TaskService service)
{
    /// <summary>Creates a task of what the endpoint would run at once for a client that would rather wait.</summary>
    /// <param name="call">The request.</param>
    /// <param name="kind">What the endpoint runs.</param>
    /// <param name="operation">The operation of the route, if that names one.</param>
    public async Task<IResult> AcceptAsync(FunctionRequest call, TaskKind kind, string? operation = null)
    {
        var input = await call.ReadInputAsync();
        var options = new TaskOptions { TimeoutSeconds = kind == TaskKind.Operation ? call.ReadSeconds("timeoutSeconds") : null };
        return await AcceptAsync(call, operation is null ? 1 : 2, origin => service.CreateAsync(kind, operation, input, pointer: "", options, origin));
    }

    /// <summary>
    /// Creates a task, and answers 202 with it; or with what it came to, where the client would wait for that and it comes
    /// in time.
    /// </summary>
    /// <param name="call">The request, its body read.</param>
    /// <param name="segments">How many segments the function's route has: what comes before them is the path of all functions.</param>
    /// <param name="create">Creates the task.</param>
    public async Task<IResult> AcceptAsync(FunctionRequest call, int segments, Func<TaskOrigin, Task<TaskAnswer>> create)
    {
        var task = await create(call.OriginOf(segments));
        if (call.Preference is not { RespondAsync: true } preference)
        {
            return new AcceptedAnswer(task, preference: null);
        }

        if (preference.WaitSeconds is > 0 and var seconds && task.Pattern != TaskKind.Callback)
        {
            try
            {
                task = await service.GetAsync(task.Id, Math.Min(seconds, TaskService.MaxWaitSeconds), call.Cancelled);
            }
            catch (OperationCanceledException)
            {
                // The host stops, or the client has gone: the task is accepted all the same.
            }
        }

        return task.Status is TaskState.Succeeded or TaskState.Failed && preference.WaitSeconds > 0
            ? new OutcomeAnswer(task, preference)
            : new AcceptedAnswer(task, preference);
    }
}
