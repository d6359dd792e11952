using FunctionsApp.Core.Operations;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary>The catalog of operations.</summary>
public sealed class CatalogFunctions(OperationCatalog catalog, FunctionInvoker invoker)
{
    /// <summary>Lists every operation.</summary>
    [Function("ListOperations")]
    public Task<IResult> ListAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "operations")] HttpRequest request) =>
        invoker.RunAsync(request, _ =>
            Task.FromResult(JsonResult.Ok(new OperationList([.. catalog.All.Select(OperationDescription.Of)]))));

    /// <summary>Describes one operation.</summary>
    [Function("GetOperation")]
    public Task<IResult> GetAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "operations/{name}")] HttpRequest request, string name) =>
        invoker.RunAsync(request, _ =>
            Task.FromResult(JsonResult.Ok(OperationDescription.Of(catalog.Find(name)))));
}
