using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Tasks;
using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Http;

/// <summary>202: a task has been accepted.</summary>
public sealed class AcceptedResult(TaskResponse task, Preference? preference = null) : IResult
{
    /// <inheritdoc/>
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.Headers.Location = task.Links.Self;
        if (preference is { } applied)
        {
            response.Headers["Preference-Applied"] = applied.WhenAsync;
        }

        await JsonResult.Accepted(task).ExecuteAsync(httpContext);
    }
}

/// <summary>The outcome of a task, as the response of the endpoint that runs its work at once.</summary>
public sealed class OutcomeResult(TaskResponse task, Preference preference) : IResult
{
    /// <inheritdoc/>
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.Headers["Preference-Applied"] = preference.WhenWaited;
        if (task is { Pattern: null, Result: { } result })
        {
            var elapsedMs = (task.FinishedAt - task.StartedAt).GetValueOrDefault().TotalMilliseconds;
            await JsonResult.Ok(new AwaitResponse(task.Operation!, result, Math.Round(elapsedMs, 3))).ExecuteAsync(httpContext);
            return;
        }

        if (task.Error is { } problem)
        {
            response.StatusCode = problem.ToElement().GetProperty("status").GetInt32();
        }

        response.ContentType = task.Error is null ? "application/json; charset=utf-8" : "application/problem+json";
        await JsonPipeWriter.SerializeAsync(response.BodyWriter, task.Error ?? task.Result ?? RawJson.Null, CoreJson.TypeInfo<RawJson>());
    }
}
