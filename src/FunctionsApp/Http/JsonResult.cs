using System.Globalization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Http;

/// <summary>A response in one piece of JSON.</summary>
/// <remarks>
/// The results here have no public properties: after it has run a result, the worker serializes the result object itself
/// into its own reply to the Functions host.
/// </remarks>
/// <typeparam name="T">A type that <see cref="CoreJson"/> has metadata of.</typeparam>
public sealed class JsonResult<T>(int status, T value) : IResult
{
    /// <inheritdoc/>
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        // The results of a map lie in pooled memory, which others may use when they are sent.
        using var memory = value as IDisposable;
        httpContext.Response.StatusCode = status;
        httpContext.Response.ContentType = "application/json; charset=utf-8";
        await JsonPipeWriter.SerializeAsync(httpContext.Response.BodyWriter, value, CoreJson.TypeInfo<T>());
    }
}

/// <summary>Creates results without naming their type.</summary>
public static class JsonResult
{
    /// <summary>Returns 200 with <paramref name="value"/>.</summary>
    public static IResult Ok<T>(T value) => new JsonResult<T>(StatusCodes.Status200OK, value);

    /// <summary>Returns 202 with <paramref name="value"/>.</summary>
    public static IResult Accepted<T>(T value) => new JsonResult<T>(StatusCodes.Status202Accepted, value);
}

/// <summary>A response of problem details (RFC 9457).</summary>
public sealed class ProblemResult(Problem problem) : IResult
{
    /// <inheritdoc/>
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = problem.Status;
        response.ContentType = "application/problem+json";
        if (problem.RetryAfterSeconds is { } seconds)
        {
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (problem.Header is var (name, value))
        {
            response.Headers[name] = value;
        }

        await JsonPipeWriter.SerializeAsync(response.BodyWriter, problem, CoreJson.TypeInfo<Problem>());
    }
}
