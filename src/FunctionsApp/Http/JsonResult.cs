using System.Globalization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Http;

/// <summary>A response in one piece of JSON.</summary>
/// <remarks>
/// The results here have no public properties: after it has run a result, the worker serializes the result object itself
/// into its own reply to the Functions host.
/// </remarks>
/// <param name="status">The status.</param>
/// <param name="value">The body.</param>
/// <param name="contentType">The media type of the body.</param>
/// <param name="headers">Further headers; null for none.</param>
/// <typeparam name="T">A type that <see cref="CoreJson"/> has metadata of.</typeparam>
public sealed class JsonResult<T>(
    int status, T value, string contentType = "application/json; charset=utf-8", params (string Name, string Value)?[] headers) : IResult
{
    /// <inheritdoc/>
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        // The results of a map lie in pooled memory, which others may use when they are sent.
        using var memory = value as IDisposable;
        var response = httpContext.Response;
        response.StatusCode = status;
        response.ContentType = contentType;
        foreach (var header in headers)
        {
            if (header is var (name, text))
            {
                response.Headers[name] = text;
            }
        }

        await JsonPipeWriter.SerializeAsync(response.BodyWriter, value, CoreJson.TypeInfo<T>());
    }
}

/// <summary>Creates results without naming their type.</summary>
public static class JsonResult
{
    private const string ProblemType = "application/problem+json";

    /// <summary>Returns 200 with <paramref name="value"/>.</summary>
    public static IResult Ok<T>(T value) => new JsonResult<T>(StatusCodes.Status200OK, value);

    /// <summary>Returns 202 with <paramref name="value"/>.</summary>
    public static IResult Accepted<T>(T value) => new JsonResult<T>(StatusCodes.Status202Accepted, value);

    /// <summary>Returns 202 with an accepted task, and its path.</summary>
    public static IResult TaskAccepted(TaskResponse task) =>
        new JsonResult<TaskResponse>(StatusCodes.Status202Accepted, task, headers: ("Location", task.Links.Self));

    /// <summary>Returns problem details (RFC 9457).</summary>
    public static IResult Problem(Problem problem) => new JsonResult<Problem>(
        problem.Status, problem, ProblemType, problem.Header,
        problem.RetryAfterSeconds is { } seconds ? ("Retry-After", seconds.ToString(CultureInfo.InvariantCulture)) : null);

    /// <summary>Returns the problem of a task that has failed.</summary>
    public static IResult StoredProblem(RawJson problem) =>
        new JsonResult<RawJson>(problem.ToElement().GetProperty("status").GetInt32(), problem, ProblemType);
}
