using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>The values that the references of one request can lead to, with the limits on their use.</summary>
/// <param name="find">Finds the value at the tokens of a pointer; null if they lead nowhere.</param>
/// <param name="limits">The limit on the number of references.</param>
/// <param name="memory">The account of the values' memory, with its limit.</param>
/// <param name="cancellationToken">Checked for each reference.</param>
internal sealed class ReferenceScope(
    Func<string[], JsonElement?> find, LimitsOptions limits, RequestMemory memory, CancellationToken cancellationToken)
{
    private int _count;

    /// <summary>Finds the value of a reference; null if it leads nowhere.</summary>
    /// <param name="reference">A JSON pointer (RFC 6901) as a URI fragment, such as <c>#/results/0</c>.</param>
    /// <exception cref="ProblemException"><c>too-large</c>: otherwise references to references could multiply without limit.</exception>
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
