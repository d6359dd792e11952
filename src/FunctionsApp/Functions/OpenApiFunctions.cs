using System.ComponentModel;
using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using FunctionsApp.OpenApi;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary>The app's API description, for tools.</summary>
public sealed class OpenApiFunctions(ApiDescription description, FunctionInvoker invoker)
{
    [Function("GetOpenApi")]
    [Description("Describes every endpoint as OpenAPI 3.1.")]
    public Task<IResult> GetAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "openapi.json")] HttpRequest request) =>
        invoker.InvokeAsync(request, _ => Task.FromResult((string?)request.Query["responses"] switch
        {
            null or "all" => description.All,
            "one" => description.One,
            _ => throw new ProblemException(Problem.InvalidRequest("/responses", "must be 'all' or 'one'")),
        }));
}
