namespace FunctionsApp.TestHost.Worker;

/// <summary>The last lines that a worker has logged or printed.</summary>
/// <param name="forward">Receives every line.</param>
internal sealed class WorkerLog(Action<string>? forward)
{
    private const int MaxLines = 200;

    private readonly Queue<string> _lines = [];

    /// <summary>Adds a line; drops the oldest where there are too many.</summary>
    public void Add(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_lines)
        {
            if (_lines.Count == MaxLines)
            {
                _lines.Dequeue();
            }

            _lines.Enqueue(line);
        }

        forward?.Invoke(line);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        lock (_lines)
        {
            return _lines.Count == 0 ? "(The worker logged nothing.)" : string.Join(Environment.NewLine, _lines);
        }
    }
}
