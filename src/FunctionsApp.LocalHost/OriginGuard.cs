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

    private readonly HashSet<Uri> _allowed;

    /// <summary>Reads the allowed origins.</summary>
    /// <exception cref="InvalidOperationException">An entry is not an origin.</exception>
    public OriginGuard(IOptions<HostOptions> options) => _allowed = options.Value.AllowedOrigins
        .Where(static entry => !string.IsNullOrWhiteSpace(entry))
        .Select(static entry => Parse(entry) ?? throw new InvalidOperationException(
            $"'{entry}' in {Setting} is not an origin: write it as https://app.example, without a path."))
        .ToHashSet();

    /// <summary>Lets pages of the allowed origins read the responses (CORS).</summary>
    public void AllowIn(IApplicationBuilder app)
    {
        if (_allowed.Count > 0)
        {
            app.UseCors(policy => policy.WithOrigins([.. _allowed.Select(static origin => origin.GetLeftPart(UriPartial.Authority))])
                .AllowAnyMethod().AllowAnyHeader().WithExposedHeaders("Location", "Preference-Applied", "Retry-After"));
        }
    }

    /// <summary>Returns why a request is refused; null if no page of another origin has sent it.</summary>
    public Problem? Refusal(HttpRequest request)
    {
        var (origin, site) = (request.Headers.Origin, request.Headers["Sec-Fetch-Site"]);
        if (origin.Count == 0 && site.Count == 0)
        {
            return null;
        }

        var page = origin is [{ } text] ? Parse(text) : null;
        if (IsOwn(origin.Count > 0, page, site, request.Host) || IsLink(request) || (page is not null && _allowed.Contains(page)))
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
    private static bool IsOwn(bool hasOrigin, Uri? page, StringValues site, HostString host) => site switch
    {
        ["same-origin"] => true,

        // The scheme may be another: a proxy may terminate TLS.
        [] or ["none"] => !hasOrigin || (page is not null && page.Equals(Parse($"{page.Scheme}://{host}"))),
        _ => false,
    };

    /// <summary>
    /// Returns whether the user has followed a link to this host. The page with the link sees nothing of the response, and GET starts no
    /// work.
    /// </summary>
    private static bool IsLink(HttpRequest request) =>
        HttpMethods.IsGet(request.Method) && request.Headers.Origin.Count == 0 && request.Headers["Sec-Fetch-Mode"] is ["navigate"];

    /// <summary>Returns an origin, with its host in the ASCII form that browsers send; null if the text is not an origin.</summary>
    private static Uri? Parse(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && uri is { Scheme: "http" or "https", UserInfo: "", PathAndQuery: "/", Fragment: "" }
            ? new UriBuilder(uri.Scheme, uri.IdnHost, uri.Port).Uri
            : null;
}
