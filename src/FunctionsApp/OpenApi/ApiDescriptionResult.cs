using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace FunctionsApp.OpenApi;

/// <summary>Sends an <see cref="ApiDescription"/>, or 304 if the client already has it.</summary>
internal sealed class ApiDescriptionResult(ApiDescription description) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var (request, response) = (httpContext.Request, httpContext.Response);
        response.Headers.ETag = description.Tag;

        // A client may store it, but must revalidate it: another version of the app may run by now.
        response.Headers.CacheControl = "private, no-cache";
        if (EntityTagHeaderValue.TryParseList(request.Headers.IfNoneMatch, out var known)
            && known.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Tag.Equals(description.Tag, StringComparison.Ordinal)))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        var path = request.PathBase.Add(request.Path).ToUriComponent();
        var pieces = description.Pieces(path[..path.LastIndexOf('/')] is { Length: > 0 } server ? server : "/");
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = pieces.Sum(static piece => (long)piece.Length);
        foreach (var piece in pieces)
        {
            response.BodyWriter.Write(piece.Span);
        }

        await response.BodyWriter.FlushAsync(httpContext.RequestAborted);
    }
}
