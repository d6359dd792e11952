using System.Collections.Frozen;
using System.Globalization;
using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace FunctionsApp.LocalHost;

/// <summary>
/// Refuses requests of web pages of other origins. A browser sends many of them without asking, and a host without keys would start
/// their work. It marks them: by <c>Sec-Fetch-Site</c> (W3C Fetch Metadata), which a page cannot change, and by <c>Origin</c> (RFC 6454).
/// <c>CrossSiteTests</c> show that a page of another origin starts no work.
/// </summary>
internal sealed class OriginGuard
{
    private const string Setting = "Host:AllowedOrigins";

    private readonly FrozenSet<string> _allowed;

    /// <summary>Reads the allowed origins.</summary>
    /// <exception cref="InvalidOperationException">An entry is not an origin.</exception>
    public OriginGuard(IOptions<HostOptions> options) => _allowed = options.Value.AllowedOrigins
        .Where(static entry => !string.IsNullOrWhiteSpace(entry))
        .Select(static entry => TryNormalize(entry, out var origin) ? origin
            : throw new InvalidOperationException(
                $"'{entry}' in {Setting} is not an origin: write it as https://app.example, without a path."))
        .ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Lets pages of the allowed origins read the responses (CORS).</summary>
    public void AllowIn(IApplicationBuilder app)
    {
        if (_allowed.Count > 0)
        {
            app.UseCors(policy => policy.WithOrigins([.. _allowed]).AllowAnyMethod().AllowAnyHeader()
                .WithExposedHeaders("Location", "Preference-Applied", "Retry-After"));
        }
    }

    /// <summary>Returns why a request is refused; null if no page of another origin has sent it.</summary>
    public Problem? Refusal(HttpRequest request)
    {
        var (origin, site) = (request.Headers.Origin, request.Headers["Sec-Fetch-Site"]);
        if ((origin.Count == 0 && site.Count == 0) || IsOwn(origin, site, request.Host) || IsLink(request) || IsAllowed(origin))
        {
            return null;
        }

        return HttpProblems.CrossSite(origin.Count > 0
            ? $"A web page of '{Excerpt.Of(origin.ToString())}' has sent the request, and {Setting} does not list that origin."
            : $"A web page of another origin has sent the request (Sec-Fetch-Site: {Excerpt.Of(site.ToString())}).");
    }

    /// <summary>
    /// Returns whether a page of this host, or no page, has sent a request. The browser knows best: a proxy may have replaced the host name
    /// that a page was loaded from.
    /// </summary>
    private static bool IsOwn(StringValues origin, StringValues site, HostString host) => site switch
    {
        ["same-origin"] => true,
        [] or ["none"] => origin.Count == 0 || IsHost(origin, host),
        _ => false,
    };

    /// <summary>Returns whether an origin is the host of the request. Its scheme may be another: a proxy may terminate TLS.</summary>
    private static bool IsHost(StringValues origin, HostString host) =>
        origin is [{ } text] && TryNormalize(text, out var normalized)
        && TryNormalize($"{text[..text.IndexOf(':', StringComparison.Ordinal)]}://{host}", out var own)
        && normalized.Equals(own, StringComparison.Ordinal);

    /// <summary>
    /// Returns whether the user has followed a link to this host. The page with the link sees nothing of the response, and GET starts no
    /// work.
    /// </summary>
    private static bool IsLink(HttpRequest request) =>
        HttpMethods.IsGet(request.Method) && request.Headers.Origin.Count == 0 && request.Headers["Sec-Fetch-Mode"] is ["navigate"];

    private bool IsAllowed(StringValues origin) =>
        origin is [{ } text] && TryNormalize(text, out var normalized) && _allowed.Contains(normalized);

    /// <summary>Returns an origin in lower case, without the port if it is the scheme's own.</summary>
    private static bool TryNormalize(string text, out string origin)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri)
            || uri is not { Scheme: "http" or "https", UserInfo: "", PathAndQuery: "/", Fragment: "" })
        {
            origin = "";
            return false;
        }

        // Browsers send the name in its ASCII form.
        var host = uri.HostNameType == UriHostNameType.Dns ? uri.IdnHost : uri.Host;
        origin = uri.IsDefaultPort
            ? $"{uri.Scheme}://{host}"
            : string.Create(CultureInfo.InvariantCulture, $"{uri.Scheme}://{host}:{uri.Port}");
        return true;
    }
}
