using System.Diagnostics;

namespace FunctionsApp.Core.Outbound;

/// <summary>
/// Propagates only <c>traceparent</c> (W3C Trace Context). <c>tracestate</c> and <c>baggage</c> come from the caller and
/// are not meant for other parties.
/// </summary>
internal sealed class TraceParentPropagator : DistributedContextPropagator
{
    private const string TraceParent = "traceparent";
    private const string HandlersOwn = "System.Net.Http.HttpRequestOut";

    public override IReadOnlyCollection<string> Fields { get; } = [TraceParent];

    public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
    {
        // The handler's own span contains the whole URL and is not exported, so the header names its parent.
        if (activity is { IdFormat: ActivityIdFormat.W3C, Id: { } id })
        {
            setter?.Invoke(carrier, TraceParent, activity.OperationName is HandlersOwn && activity.ParentId is { } parent ? parent : id);
        }
    }

    // This propagator is never used for inbound requests.
    public override void ExtractTraceIdAndState(
        object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState) =>
        (traceId, traceState) = (null, null);

    public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
}
