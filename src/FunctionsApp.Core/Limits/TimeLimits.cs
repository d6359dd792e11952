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

    /// <summary>Runs work within a time limit.</summary>
    /// <param name="work">The work; gets the token that the limit cancels.</param>
    /// <param name="whose">What the limit applies to, such as "The call".</param>
    /// <param name="seconds">How long; absent means the maximum.</param>
    /// <param name="pointer">Where the request states it, for an error.</param>
    /// <param name="cancellationToken">The caller's own cancellation.</param>
    /// <exception cref="ProblemException"><c>timeout</c> if the work stops because of the limit; <c>invalid-request</c>.</exception>
    public async ValueTask<T> RunAsync<T>(
        Func<CancellationToken, ValueTask<T>> work, string whose, double? seconds, string pointer, CancellationToken cancellationToken)
    {
        using var limit = Start(seconds, pointer, cancellationToken);
        return await limit.RunAsync(work, whose);
    }
}

/// <summary>One running time limit, which distinguishes its own timeout from the caller's cancellation.</summary>
public sealed class TimeLimit : IDisposable
{
    private readonly double _seconds;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _source;
    private readonly CancellationTokenRegistration _registration;

    internal TimeLimit(TimeProvider time, double seconds, CancellationToken caller)
    {
        _seconds = seconds;
        _caller = caller;
        _source = new CancellationTokenSource(TimeSpan.FromSeconds(seconds), time);
        _registration = caller.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);
    }

    /// <summary>Cancelled on timeout, or when the caller cancels.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether the limit has timed out and the caller has not cancelled.</summary>
    public bool RanOut => _source.IsCancellationRequested && !_caller.IsCancellationRequested;

    /// <summary>Returns the problem that describes the timeout.</summary>
    /// <param name="whose">What the limit applies to, such as "The call".</param>
    public Problem Problem(string whose) => Problems.Problem.Timeout(
        string.Create(CultureInfo.InvariantCulture, $"{whose} timed out after {_seconds} s (timeoutSeconds)."));

    /// <summary>Runs work, or a part of it, within the limit.</summary>
    /// <param name="work">The work; gets <see cref="Token"/>.</param>
    /// <param name="whose">What the limit applies to, such as "The call".</param>
    /// <exception cref="ProblemException"><c>timeout</c> if the work stops because of the limit.</exception>
    public ValueTask<T> RunAsync<T>(Func<CancellationToken, ValueTask<T>> work, string whose) =>
        RunAsync(work, () => throw new ProblemException(Problem(whose)));

    /// <summary>Runs work, or a part of it, within the limit.</summary>
    /// <param name="work">The work; gets <see cref="Token"/>.</param>
    /// <param name="timedOut">Returns the outcome if the work stops because of the limit.</param>
    public async ValueTask<T> RunAsync<T>(Func<CancellationToken, ValueTask<T>> work, Func<T> timedOut)
    {
        try
        {
            return await work(Token);
        }
        catch (OperationCanceledException) when (RanOut)
        {
            return timedOut();
        }
    }

    /// <summary>Stops the clock.</summary>
    public void Dispose()
    {
        _registration.Dispose();
        _source.Dispose();
    }
}
