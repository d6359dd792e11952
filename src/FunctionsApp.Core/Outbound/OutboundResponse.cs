using System.Globalization;
using System.Net.Http.Headers;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Outbound;

/// <summary>The whole answer to an <see cref="OutboundRequest"/>.</summary>
/// <param name="Url">Whose answer it is; not the first URL after redirects.</param>
/// <param name="Status">The HTTP status code.</param>
/// <param name="Headers">Name in lower case → value; repeated ones are joined by <c>", "</c>.</param>
/// <param name="ContentType">The media type of the body; absent when there is none, or none that can be read.</param>
/// <param name="Body">The body, decompressed.</param>
/// <param name="Attempts">How often the request was sent.</param>
public sealed record OutboundResponse(
    Uri Url, int Status, IReadOnlyDictionary<string, string> Headers, MediaTypeHeaderValue? ContentType, ReadOnlyMemory<byte> Body, int Attempts)
{
    /// <summary>Raises a status that tells of an error.</summary>
    /// <exception cref="ProblemException"><c>upstream-failed</c> for 400 and above.</exception>
    public void EnsureSuccess() => EnsureSuccess(Url, Status);

    internal static void EnsureSuccess(Uri url, int status)
    {
        if (status >= 400)
        {
            throw new ProblemException(Problem.UpstreamFailed(
                string.Create(CultureInfo.InvariantCulture, $"'{HostName.AsWritten(url)}' answered with status {status} (raiseForStatus).")));
        }
    }
}
