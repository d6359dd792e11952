using System.Diagnostics;

namespace FunctionsApp.Core.Outbound;

/// <summary>
/// Passes the trace on as <c>traceparent</c> (W3C Trace Context), and nothing besides: <c>tracestate</c> and
/// <c>baggage</c> are what the caller sent, and not meant for strangers.
/// </summary>
internal sealed class TraceParentPropagator : DistributedContextPropagator
{
    private const string TraceParent = "traceparent";
    private const string HandlersOwn = "System.Net.Http.HttpRequestOut";

    public override IReadOnlyCollection<string> Fields { get; } = [TraceParent];

    public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
    {
        // The handler makes a span of its own, with the whole URL in it, which therefore goes nowhere: the one before it is told.
        if (activity is { IdFormat: ActivityIdFormat.W3C, Id: { } id })
        {
            setter?.Invoke(carrier, TraceParent, activity.OperationName is HandlersOwn && activity.ParentId is { } parent ? parent : id);
        }
    }

    // Outbound requests are never received.
    public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState) =>
        (traceId, traceState) = (null, null);

    public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
}
