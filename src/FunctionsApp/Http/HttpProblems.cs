using FunctionsApp.Core.Problems;

namespace FunctionsApp.Http;

/// <summary>Problems of requests that reach no pattern: they exist only over HTTP.</summary>
public static class HttpProblems
{
    /// <summary>400: the request is not valid HTTP, or names a host that is not this server's.</summary>
    /// <param name="detail">What is invalid.</param>
    /// <param name="status">The server's status for the error, if it has a more specific one.</param>
    public static Problem BadRequest(string detail, int status = 400) =>
        new("bad-request", "The request is not valid HTTP", status, detail);

    /// <summary>401: the request has no valid key for the function.</summary>
    /// <param name="detail">Which key is required, and where.</param>
    public static Problem Unauthorized(string detail) => new("unauthorized", "A function key is required", 401, detail)
    {
        Header = ("WWW-Authenticate", "ApiKey realm=\"functions\", header=\"x-functions-key\""),
    };

    /// <summary>403: a web page of another origin has sent the request.</summary>
    /// <param name="detail">The origin, if the browser has sent it, and the setting that allows it.</param>
    public static Problem CrossSite(string detail) => new("cross-site", "The request is from a page of another origin", 403, detail);

    /// <summary>404: no function has this path.</summary>
    /// <param name="path">The path.</param>
    public static Problem NotFound(string path) =>
        new("not-found", "There is no such path", 404, $"No function has the path {Excerpt.Of(path)}.");

    /// <summary>405: the path has functions, but none for this method.</summary>
    /// <param name="detail">The method, and those that are allowed.</param>
    public static Problem MethodNotAllowed(string detail) => new("method-not-allowed", "The method is not allowed", 405, detail);

    /// <summary>415: the endpoint does not read the body's media type.</summary>
    /// <param name="detail">The type that was sent and the types that are read.</param>
    /// <param name="accept">The types that are read, for <c>Accept</c>.</param>
    public static Problem UnsupportedMediaType(string detail, string accept) => Unsupported(detail, ("Accept", accept));

    /// <summary>415: the endpoint does not read the body's coding.</summary>
    /// <param name="detail">The coding that was sent.</param>
    public static Problem UnsupportedCoding(string detail) => Unsupported(detail, ("Accept-Encoding", "identity"));

    private static Problem Unsupported(string detail, (string Name, string Value) header) =>
        new("unsupported-media-type", "The media type is not supported", 415, detail) { Header = header };
}
