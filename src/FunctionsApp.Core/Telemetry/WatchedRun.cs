using System.Diagnostics;
using System.Diagnostics.Metrics;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Telemetry;

/// <summary>A run or a call from start to end: a span, and a value in the metrics.</summary>
internal sealed class WatchedRun : IDisposable
{
    private readonly UpDownCounter<long>? _active;
    private readonly Histogram<double>? _duration;
    private readonly Activity? _activity;
    private readonly long _started = TimeProvider.System.GetTimestamp();
    private TagList _tags;
    private string _outcome = "succeeded";
    private string? _error;

    /// <summary>Starts a run that has a listener.</summary>
    public WatchedRun(
        UpDownCounter<long> active, Histogram<double> duration, string pattern, string? operation, string? parent = null,
        string? name = null)
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

    /// <summary>
    /// Starts a run without a listener. It still continues its parent's trace: problems and outbound requests carry that trace id.
    /// </summary>
    public WatchedRun(string pattern, string? parent) =>
        _activity = parent is null ? null : new Activity(pattern).SetParentId(parent).Start();

    /// <summary>Records that the run ended with an exception, and returns that.</summary>
    public T Fail<T>(T exception)
        where T : Exception
    {
        if (exception is not OperationCanceledException)
        {
            Fail(exception switch
            {
                ProblemException raised => raised.Problem.Slug,
                OperationException => "operation-failed",
                _ => "internal-error",
            });
        }
        else if (_error is null)
        {
            // A failure has cancelled the rest of its run.
            _outcome = "cancelled";
        }

        return exception;
    }

    /// <summary>Records that the run failed.</summary>
    /// <param name="error">The slug of the problem.</param>
    public void Fail(string error) => (_outcome, _error) = ("failed", error);

    /// <summary>Ends the run.</summary>
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
