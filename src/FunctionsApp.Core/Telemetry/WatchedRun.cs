using System.Diagnostics;
using System.Diagnostics.Metrics;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Telemetry;

/// <summary>A run or a call from its beginning to its end: a span, and a value in the metrics.</summary>
internal sealed class WatchedRun : IDisposable
{
    private readonly UpDownCounter<long>? _active;
    private readonly Histogram<double>? _duration;
    private readonly Activity? _activity;
    private readonly long _started = TimeProvider.System.GetTimestamp();
    private TagList _tags;
    private string _outcome = "succeeded";
    private string? _error;

    /// <summary>A run that somebody listens to.</summary>
    public WatchedRun(UpDownCounter<long> active, Histogram<double> duration, string pattern, string? operation, string? parent = null, string? name = null)
    {
        (_active, _duration) = (active, duration);
        _tags = new TagList { { "functionsapp.pattern", pattern } };
        if (operation is not null)
        {
            _tags.Add("functionsapp.operation", operation);
        }

        var span = operation is null ? name ?? pattern : $"{name ?? pattern} {operation}";
        _activity = parent is null
            ? AppTelemetry.Source.StartActivity(span, ActivityKind.Internal, parentContext: default, _tags)
            : AppTelemetry.Source.StartActivity(span, ActivityKind.Consumer, parent, _tags);
        _active.Add(1, _tags);
    }

    /// <summary>A run that nobody listens to. It still goes on with the trace of its parent: problems and outbound requests have its id.</summary>
    public WatchedRun(string pattern, string? parent) =>
        _activity = parent is null ? null : new Activity(pattern).SetParentId(parent).Start();

    /// <summary>Notes that it ended with an exception.</summary>
    public void Fail(Exception exception)
    {
        if (exception is OperationCanceledException)
        {
            _outcome = "cancelled";
            return;
        }

        Fail(exception switch
        {
            ProblemException raised => raised.Problem.Slug,
            OperationException => "operation-failed",
            _ => "internal-error",
        });
    }

    /// <summary>Notes that it failed.</summary>
    /// <param name="error">The slug of the problem.</param>
    public void Fail(string error) => (_outcome, _error) = ("failed", error);

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        _active?.Add(-1, _tags);
        _activity?.SetTag("functionsapp.outcome", _outcome);
        if (_error is not null)
        {
            _activity?.SetTag("error.type", _error).SetStatus(ActivityStatusCode.Error);
            _tags.Add("error.type", _error);
        }

        _tags.Add("functionsapp.outcome", _outcome);
        _duration?.Record(TimeProvider.System.GetElapsedTime(_started).TotalSeconds, _tags);
        _activity?.Dispose();
    }
}
