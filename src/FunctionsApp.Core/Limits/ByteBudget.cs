using System.Globalization;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Limits;

/// <summary>The bytes that the results of one request may come to. Thread-safe.</summary>
/// <param name="limit">The value of <see cref="LimitsOptions.MaxResultBytes"/>.</param>
internal sealed class ByteBudget(int limit)
{
    private long _spent;

    /// <summary>Takes <paramref name="bytes"/> off what is left.</summary>
    /// <exception cref="ProblemException"><c>too-large</c> when there are not so many left.</exception>
    public void Spend(int bytes)
    {
        if (Interlocked.Add(ref _spent, bytes) > limit)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"The results of the request come to more than {limit} bytes (Limits:MaxResultBytes).")));
        }
    }
}
