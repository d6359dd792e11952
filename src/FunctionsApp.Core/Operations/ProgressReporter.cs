using FunctionsApp.Core.Requests;

namespace FunctionsApp.Core.Operations;

/// <summary>
/// Reports the progress of work. An operation that runs for long calls
/// <c>ProgressReporter.Current?.Report(done, total)</c> at any rate. Reports have no effect unless it runs as a task.
/// </summary>
/// <param name="report">Gets every report, on the thread that reports; must be quick.</param>
public sealed class ProgressReporter(Action<Progress> report)
{
    /// <summary>The reporter of the current work; null if there is none.</summary>
    public static ProgressReporter? Current => RequestContext.Get<ProgressReporter>();

    /// <summary>Reports progress.</summary>
    /// <param name="completed">How much is done, from 0 to <paramref name="total"/>.</param>
    /// <param name="total">How much there is.</param>
    public void Report(long completed, long total) => report(new Progress(completed, total));

    /// <summary>
    /// Takes over the current reporter: a pattern counts its parts, so the reports of the parts themselves would
    /// be noise. Within an async method this does not affect the caller.
    /// </summary>
    internal static ProgressReporter? Take()
    {
        var taken = Current;
        if (taken is not null)
        {
            RequestContext.Remove<ProgressReporter>();
        }

        return taken;
    }
}

/// <summary>The progress of work: steps of a sequence, calls of a gather, items of a map, or what an operation counts.</summary>
/// <param name="Completed">How much is done.</param>
/// <param name="Total">How much there is.</param>
public sealed record Progress(long Completed, long Total);
