using FunctionsApp.Core.Sequence;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace FunctionsApp.Functions;

/// <summary><c>await a(); await b()</c></summary>
public sealed class SequenceFunctions(SequenceService service, FunctionEndpoint endpoint)
{
    /// <summary>Runs operations one after the other.</summary>
    [Function("Sequence")]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "sequence")] HttpRequest request, CancellationToken cancellationToken) =>
        endpoint.RunAsync(request, async call =>
            JsonAnswer.Ok(await service.RunAsync(await call.ReadAsync<SequenceRequest>(), call.Cancelled)), cancellationToken);
}
