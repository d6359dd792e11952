using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>What the references of one request can lead to, and how much of it they may ask for.</summary>
/// <param name="find">Finds the value that the tokens of a pointer lead to; null when they lead nowhere.</param>
/// <param name="limits">How many references there may be, and what their values may add up to.</param>
/// <param name="memory">What the values take.</param>
/// <param name="cancellationToken">Looked at for each reference.</param>
internal sealed class ReferenceScope(Func<string[], JsonElement?> find, LimitsOptions limits, RequestMemory memory, CancellationToken cancellationToken)
{
    private int _count;

    /// <summary>Finds what a reference stands for; null when it leads nowhere.</summary>
    /// <param name="reference">A JSON pointer (RFC 6901) as a URI fragment, as <c>#/results/0</c>.</param>
    /// <exception cref="ProblemException"><c>too-large</c>: a few references to references would otherwise be a bomb.</exception>
    public JsonElement? Find(string reference)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (++_count > limits.MaxCalls)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"A request has at most {limits.MaxCalls} references (Limits:MaxCalls).")));
        }

        var tokens = reference.StartsWith('#') ? JsonPointer.Split(Uri.UnescapeDataString(reference[1..])) : null;
        var target = tokens is null ? null : find(tokens);
        if (target is { } found)
        {
            memory.HoldResult(JsonMarshal.GetRawUtf8Value(found).Length);
        }

        return target;
    }
}
