using FunctionsApp.Core.Json;
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
public sealed class OutcomeResult(IResult outcome, Preference preference) : IResult
{
    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.Headers["Preference-Applied"] = preference.WhenWaited;
        return outcome.ExecuteAsync(httpContext);
    }
}

/// <summary>The problem of a task that has failed.</summary>
public sealed class StoredProblemResult(RawJson problem) : IResult
{
    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = problem.ToElement().GetProperty("status").GetInt32();
        response.ContentType = "application/problem+json";
        return JsonPipeWriter.SerializeAsync(response.BodyWriter, problem, CoreJson.TypeInfo<RawJson>());
    }
}
