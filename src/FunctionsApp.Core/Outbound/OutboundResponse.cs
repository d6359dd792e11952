using System.Globalization;
using System.Net.Http.Headers;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Outbound;

/// <summary>The whole response to an <see cref="OutboundRequest"/>.</summary>
/// <param name="Url">The URL that responded; after redirects, the last one.</param>
/// <param name="Status">The HTTP status code.</param>
/// <param name="Headers">Name in lower case → value; repeated headers are joined by <c>", "</c>.</param>
/// <param name="ContentType">The media type of the body; null if absent or invalid.</param>
/// <param name="Body">The body, decompressed unless <paramref name="UndecodedCodings"/> says otherwise.</param>
/// <param name="UndecodedCodings">As <see cref="StreamedOutboundResponse.UndecodedCodings"/>.</param>
/// <param name="Attempts">The number of attempts.</param>
public sealed record OutboundResponse(
    Uri Url,
    int Status,
    IReadOnlyDictionary<string, string> Headers,
    MediaTypeHeaderValue? ContentType,
    ReadOnlyMemory<byte> Body,
    string? UndecodedCodings,
    int Attempts)
{
    /// <summary>Throws if the status is an error.</summary>
    /// <exception cref="ProblemException"><c>upstream-failed</c> for 400 and above.</exception>
    public void EnsureSuccess() => EnsureSuccess(Url, Status);

    /// <summary>Throws if the body still has a content coding.</summary>
    /// <exception cref="ProblemException"><c>upstream-failed</c>.</exception>
    public void EnsureDecoded() => EnsureDecoded(Url, UndecodedCodings);

    internal static void EnsureDecoded(Uri url, string? codings)
    {
        if (codings is not null)
        {
            throw new ProblemException(Problem.UpstreamFailed(
                $"The response of '{HostName.AsWritten(url)}' has the content coding '{Excerpt.Of(codings)}', "
                + "which cannot be decoded."));
        }
    }

    internal static void EnsureSuccess(Uri url, int status)
    {
        if (status >= 400)
        {
            throw new ProblemException(Problem.UpstreamFailed(string.Create(
                CultureInfo.InvariantCulture, $"'{HostName.AsWritten(url)}' responded with status {status} (raiseForStatus).")));
        }
    }
}
