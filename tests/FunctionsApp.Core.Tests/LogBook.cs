using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tests;

/// <summary>Remembers what is logged.</summary>
public sealed class LogBook<T> : ILogger<T>
{
    public ConcurrentQueue<(LogLevel Level, Exception? Exception, string Message)> Entries { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Entries.Enqueue((logLevel, exception, formatter(state, exception)));
}
