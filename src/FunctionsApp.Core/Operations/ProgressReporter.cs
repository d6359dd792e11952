namespace FunctionsApp.Core.Operations;

/// <summary>
/// Where work says how far it has come. An operation that runs for long calls
/// <c>ProgressReporter.Current?.Report(done, total)</c> as often as it likes; nothing listens unless it runs as a task.
/// </summary>
/// <param name="report">Is told of every report, on the thread that reports; must be quick.</param>
public sealed class ProgressReporter(Action<Progress> report)
{
    private static readonly AsyncLocal<ProgressReporter?> Ambient = new();

    /// <summary>Who listens to the work that runs here; null when nobody does.</summary>
    public static ProgressReporter? Current
    {
        get => Ambient.Value;
        internal set => Ambient.Value = value;
    }

    /// <summary>Says how far the work has come.</summary>
    /// <param name="completed">How much is done, from 0 to <paramref name="total"/>.</param>
    /// <param name="total">How much there is.</param>
    public void Report(long completed, long total) => report(new Progress(completed, total));

    /// <summary>
    /// Takes the place of the one who reports: a pattern counts its parts, so what the parts report by themselves would
    /// be noise. Within an async method the caller does not see this.
    /// </summary>
    internal static ProgressReporter? Take()
    {
        var taken = Current;
        Current = null;
        return taken;
    }
}

/// <summary>How far work has come: steps of a sequence, calls of a gather, items of a map, or what an operation counts.</summary>
/// <param name="Completed">How much is done.</param>
/// <param name="Total">How much there is.</param>
public sealed record Progress(long Completed, long Total);
