using System.Globalization;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Outbound;

/// <summary>
/// The deployments of this app that a request has passed through, from <c>CDN-Loop</c> (RFC 8586). Outbound requests on
/// behalf of the request extend the chain, so that a deployment detects a loop through itself. Entries of other software
/// are dropped: they describe a forwarded request, and an outbound request is a new one.
/// </summary>
public sealed class CallChain
{
    /// <summary>The header.</summary>
    public const string Header = "CDN-Loop";

    /// <summary>The maximum number of deployments in a chain, which keeps the header short.</summary>
    public const int MaxLength = 16;

    // The parameter of an entry whose request went to a host that the sender's operator allowed by its name or address.
    private const string Allowed = ";allowed=1";

    /// <summary>Creates a chain.</summary>
    /// <param name="text">The entries, in the form of <see cref="Text"/>; null for none.</param>
    /// <param name="caller">The caller in the queue of look-ups; by default the chain itself.</param>
    public CallChain(string? text, object? caller = null) => (Text, Caller) = (text, caller ?? this);

    /// <summary>The entries, for another chain to extend; null for none.</summary>
    public string? Text { get; }

    /// <summary>The caller that the calls count for where callers share a resource.</summary>
    internal object Caller { get; }

    /// <summary>Reads the chain of an inbound request.</summary>
    /// <param name="header">The value of <see cref="Header"/>; null when there is none.</param>
    /// <param name="app">This app.</param>
    /// <exception cref="ProblemException">
    /// <c>loop-detected</c>: the request has passed through this app more than once, or once without being allowed; or the
    /// chain is longer than <see cref="MaxLength"/>.
    /// </exception>
    public static CallChain Read(string? header, AppIdentity app)
    {
        if (string.IsNullOrEmpty(header))
        {
            return new CallChain(null);
        }

        List<string> entries = [];
        var (returns, isAllowed) = (0, true);
        foreach (var range in header.AsSpan().Split(','))
        {
            var entry = header.AsSpan(range).Trim();
            var end = entry.IndexOf(';');
            var id = (end < 0 ? entry : entry[..end]).TrimEnd();
            if (!AppIdentity.IsId(id))
            {
                continue;
            }

            var wasAllowed = end >= 0 && entry[end..].SequenceEqual(Allowed);
            entries.Add(wasAllowed ? $"{id}{Allowed}" : id.ToString());
            if (id.SequenceEqual(app.Id))
            {
                returns++;
                isAllowed &= wasAllowed;
            }

            if (entries.Count > MaxLength)
            {
                throw new ProblemException(Problem.LoopDetected(string.Create(CultureInfo.InvariantCulture,
                    $"The request passed through more than {MaxLength} deployments of this app, which is the limit.")));
            }
        }

        return returns <= 1 && isAllowed
            ? new CallChain(entries.Count == 0 ? null : string.Join(", ", entries))
            : throw new ProblemException(Problem.LoopDetected(returns > 1
                ? "The request passed through this app more than once: the app's own calls lead back to it."
                : "The app itself sent the request, to a host that Outbound:AllowedHosts does not list by name or address."));
    }

    /// <summary>Returns the header of an outbound request: a chain, and this app.</summary>
    /// <param name="text">The entries of the chain; null for none.</param>
    /// <param name="app">This app.</param>
    /// <param name="isAllowed">Whether the operator allowed the destination by its name or address.</param>
    internal static string Extend(string? text, AppIdentity app, bool isAllowed)
    {
        var own = isAllowed ? app.Id + Allowed : app.Id;
        return text is null ? own : $"{text}, {own}";
    }
}
