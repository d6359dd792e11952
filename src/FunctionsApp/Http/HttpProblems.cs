using FunctionsApp.Core.Problems;

namespace FunctionsApp.Http;

/// <summary>Problems of requests that reach no pattern: they are HTTP's alone.</summary>
public static class HttpProblems
{
    /// <summary>400: the request is not valid HTTP, or asks for a host that is none of this server's.</summary>
    /// <param name="detail">What is wrong with it.</param>
    /// <param name="status">The status that the server gives to the error, where it has a closer one.</param>
    public static Problem BadRequest(string detail, int status = 400) => new("bad-request", "The request is not valid HTTP", status, detail);

    /// <summary>401: the request has no key that opens the function.</summary>
    /// <param name="detail">Which key is wanted, and where.</param>
    public static Problem Unauthorized(string detail) => new("unauthorized", "A function key is needed", 401, detail);

    /// <summary>404: no function has this path.</summary>
    /// <param name="path">The path.</param>
    public static Problem NotFound(string path) => new("not-found", "There is no such path", 404, $"No function answers {Excerpt.Of(path)}.");

    /// <summary>405: the path has functions, but none for this method.</summary>
    /// <param name="detail">The method, and those that there are.</param>
    public static Problem MethodNotAllowed(string detail) => new("method-not-allowed", "The method is not allowed", 405, detail);

    /// <summary>415: the body is of a media type that this endpoint does not read.</summary>
    /// <param name="detail">The type that came and the types that are read.</param>
    public static Problem UnsupportedMediaType(string detail) => new("unsupported-media-type", "The media type is not supported", 415, detail);
}
