using System.Globalization;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Limits;

/// <summary>Starts time limits: the server's side of <c>asyncio.wait_for</c>.</summary>
public sealed class TimeLimits(TimeProvider time, IOptions<LimitsOptions> limits)
{
    /// <summary>Returns the error of an invalid time limit; null for a valid one.</summary>
    /// <param name="seconds">The requested limit; absent means the maximum.</param>
    public string? FindError(double? seconds) =>
        seconds is null || (seconds > 0 && seconds <= limits.Value.MaxTimeoutSeconds)
            ? null
            : string.Create(CultureInfo.InvariantCulture,
                $"must be more than 0 and at most {limits.Value.MaxTimeoutSeconds} ({limits.Value.MaxTimeoutSource})");

    /// <summary>Checks a time limit.</summary>
    /// <param name="seconds">The requested limit; absent means the maximum.</param>
    /// <param name="pointer">Where the request states it, for an error.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> when <paramref name="seconds"/> is out of range.</exception>
    public void Check(double? seconds, string pointer)
    {
        if (FindError(seconds) is { } error)
        {
            throw new ProblemException(Problem.InvalidRequest(pointer, error));
        }
    }

    /// <summary>Starts one time limit.</summary>
    /// <param name="seconds">How long; absent means the maximum.</param>
    /// <param name="pointer">Where the request states it, for an error.</param>
    /// <param name="cancellationToken">The caller's own cancellation.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> when <paramref name="seconds"/> is out of range.</exception>
    public TimeLimit Start(double? seconds, string pointer, CancellationToken cancellationToken)
    {
        Check(seconds, pointer);
        return new TimeLimit(time, seconds ?? limits.Value.MaxTimeoutSeconds, cancellationToken);
    }

    /// <summary>Starts the time limit of a wait, whose end is no error.</summary>
    /// <param name="seconds">How long.</param>
    /// <param name="cancellationToken">The caller's own cancellation.</param>
    internal TimeLimit StartWait(double seconds, CancellationToken cancellationToken) => new(time, seconds, cancellationToken);
}

/// <summary>One running time limit, which distinguishes its own timeout from the caller's cancellation.</summary>
/// <example>
/// <code>
/// using var limit = timeLimits.Start(seconds, "/timeoutSeconds", cancellationToken);
/// await limit.RunAsync(WorkAsync, "The call");
/// </code>
/// </example>
public sealed class TimeLimit : IDisposable
{
    private readonly double? _seconds;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _source;
    private readonly CancellationTokenRegistration _registration;

    /// <param name="time">The clock.</param>
    /// <param name="seconds">How long; null for no limit.</param>
    /// <param name="caller">The caller's own cancellation.</param>
    internal TimeLimit(TimeProvider time, double? seconds, CancellationToken caller)
    {
        (_seconds, _caller) = (seconds, caller);
        _source = seconds is { } limit ? new CancellationTokenSource(TimeSpan.FromSeconds(limit), time) : new CancellationTokenSource();
        _registration = caller.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);
    }

    /// <summary>Cancelled on timeout, or when the caller cancels.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether the limit has timed out and the caller has not cancelled.</summary>
    public bool RanOut => _source.IsCancellationRequested && !_caller.IsCancellationRequested;

    /// <summary>Runs work, which must stop when its token is cancelled.</summary>
    /// <param name="work">The work.</param>
    /// <param name="whose">What the limit applies to, such as "The call".</param>
    /// <exception cref="ProblemException"><c>timeout</c> when the limit has stopped the work.</exception>
    public async ValueTask<T> RunAsync<T>(Func<CancellationToken, ValueTask<T>> work, string whose)
    {
        try
        {
            return await work(Token);
        }
        catch (OperationCanceledException) when (RanOut)
        {
            throw TimedOut(whose);
        }
    }

    /// <summary>Returns what to throw when work has stopped because of the limit.</summary>
    /// <param name="whose">What the limit applies to, such as "The call".</param>
    public ProblemException TimedOut(string whose) => new(Problem.Timeout(
        string.Create(CultureInfo.InvariantCulture, $"{whose} timed out after {_seconds} s (timeoutSeconds).")));

    /// <summary>Stops the clock.</summary>
    public void Dispose()
    {
        _registration.Dispose();
        _source.Dispose();
    }
}
