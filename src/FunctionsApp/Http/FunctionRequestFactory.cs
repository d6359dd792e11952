using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Http;

/// <summary>Creates what functions see of requests.</summary>
public sealed class FunctionRequestFactory(
    RequestReader reader, WorkGate gate, IOptions<LimitsOptions> limits, IOptions<ForwardingOptions> forwarding, TimeProvider time)
{
    /// <inheritdoc
    /// cref="FunctionRequest(HttpRequest, RequestReader, WorkGate, int, bool, RequestMemory, TimeProvider, CancellationToken)"/>
    internal FunctionRequest Create(HttpRequest request, RequestMemory memory, CancellationToken cancelled) =>
        new(request, reader, gate, limits.Value.MaxRequestBytes, forwarding.Value.IsDuplex, memory, time, cancelled);
}
