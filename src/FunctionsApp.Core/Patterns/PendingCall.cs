using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Core.Patterns;

/// <summary>A call whose input may refer to results that are not there yet. It is checked at once if it refers to none.</summary>
internal sealed class PendingCall
{
    private readonly CallableOperation _operation;
    private readonly RawJson _input;
    private readonly string _pointer;
    private readonly OperationCall? _call;

    /// <param name="operation">The operation.</param>
    /// <param name="input">Its input.</param>
    /// <param name="pointer">Where the input is in the request.</param>
    /// <exception cref="Problems.ProblemException"><c>invalid-request</c> with every error of an input without references.</exception>
    public PendingCall(CallableOperation operation, RawJson input, string pointer)
    {
        (_operation, _input, _pointer) = (operation, input, pointer);
        _call = JsonReferences.MayOccur(input.Utf8.Span) ? null : operation.Bind(input.Utf8, pointer);
    }

    /// <summary>Returns the call, with the results that its input refers to.</summary>
    /// <param name="references">Finds the results.</param>
    public OperationCall Bind(JsonReferences references) =>
        _call ?? _operation.Bind(references.Resolve(_input, _pointer).Utf8, _pointer);
}
