using System.ComponentModel;
using FunctionsApp.Core.Operations;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary>The catalog of operations.</summary>
public sealed class CatalogFunctions(OperationCatalog catalog, FunctionInvoker invoker)
{
    [Function("ListOperations")]
    [Description("Lists every operation.")]
    public Task<IResult> ListAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "operations")] HttpRequest request) =>
        invoker.InvokeAsync(request, _ =>
            Task.FromResult(JsonResult.Ok(new OperationList([.. catalog.All.Select(OperationDescription.Of)]))));

    [Function("GetOperation")]
    [Description("Describes one operation.")]
    public Task<IResult> GetAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "operations/{name}")] HttpRequest request, string name) =>
        invoker.InvokeAsync(request, _ =>
            Task.FromResult(JsonResult.Ok(OperationDescription.Of(catalog.Find<Operation>(name)))));
}
